"""Find discouraged wording in what people read: pages, docs, docstrings, comments, and names.

    python -m tools.prose                 # every file git tracks
    python -m tools.prose docs README.md  # these files, and every file in these folders

CONTRIBUTING.md says what to write instead and why. Exits with 1 when it finds something.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tools.processes import ROOT

# What to look for, and what an engineer would say out loud to a colleague instead.
DISCOURAGED = {
    r"somebody|somebody's": "user, person, editor",
    r"nobody|nobody's": "no one who ..., no user",
    r"everybody|everybody's": "all users",
    r"stands? (?:in|on|under|for itself)|stands? there": "is, appears",
    r"told": "returned, reported, according to",
    r"says of itself|by its own word": "reports",
    r"anew": "again",
    r"beside": "next to",
    r"by turns": "alternating",
    r"as mostly": "usually",
    r"so many": "that many",
    r"is meant|are meant": "is intended",
    r"what comes of|what came of|comes of|came of": "the outcome, results from",
    r"for good": "permanently",
    r"in one go": "in a single call",
    r"once more": "again",
    r"grave": "sensitive",
    r"odd|oddly|strange": "unexpected, unrecognized",
    r"of which|of whom": "whose, that",
}
# A phrase may run over the end of a line, so a blank stands for any white space.
_PATTERNS = [
    (re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])".replace(" ", r"\s+"), re.IGNORECASE), advice)
    for pattern, advice in DISCOURAGED.items()
]
SUFFIXES = frozenset({".py", ".html", ".txt", ".js", ".md", ".svg", ".toml"})
# The rules themselves, and texts of other languages.
EXEMPT = (
    "tools/prose.py",
    "tests/tools/test_prose.py",
    "tests/tools/test_commit_message.py",
    "locale/",
    "requirements",
)
_CODE = re.compile(r"^\s*```.*?^\s*```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
# A string without blanks and capitals is a value, such as a recorded kind, and no text to read.
_VALUE = re.compile(r"""[bf]?(["'])[^\sA-Z]*\1""")
_PYTHON_PROSE = {
    tokenize.COMMENT,
    tokenize.STRING,
    getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),  # Python 3.12 splits f-strings
}


def main(arguments: list[str]) -> int:
    """Print the findings in the files and folders named, or in every tracked file."""
    findings = [finding for path in _files(arguments) for finding in check(path)]
    sys.stdout.write("".join(f"{finding}\n" for finding in findings))
    return 1 if findings else 0


def check(path: Path) -> Iterator[str]:
    """Yield "path:line: word: advice" for each discouraged word in the file."""
    source = (ROOT / path).read_text()
    chunks = _python_prose(source) if path.suffix == ".py" else iter([(1, source)])
    for first_line, text in chunks:
        for line, advice in check_text(text):
            yield f"{path}:{first_line + line}: {advice}"


def check_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line, counted from 0, and the advice for each discouraged word outside code."""
    prose = _CODE.sub(_blank, text)
    for pattern, advice in _PATTERNS:
        for match in pattern.finditer(prose):
            word = " ".join(match.group().split())
            yield prose.count("\n", 0, match.start()), f"“{word}”: write {advice}"


def _blank(code: re.Match[str]) -> str:
    """Replace code, but keep its line breaks so that line numbers stay right."""
    return "`" + "\n" * code.group().count("\n")


def _files(arguments: list[str]) -> list[Path]:
    """Return the tracked files in `arguments`; a file that is not tracked yet counts if named."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [Path(line) for line in listing.stdout.splitlines()]
    return [path for path in paths if _is_read(path) and (ROOT / path).is_file()]


def _is_read(path: Path) -> bool:
    if "migrations" in path.parts:  # final once applied
        return False
    return path.suffix in SUFFIXES and not str(path).startswith(EXEMPT)


def _python_prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield comments, strings, and the words of the names that are defined, with their lines."""
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _PYTHON_PROSE and not _VALUE.fullmatch(token.string):
            yield token.start[0], token.string
        elif token.type == tokenize.NAME:
            if previous in ("def", "class"):
                yield token.start[0], _words(token.string)
            previous = token.string


def _words(name: str) -> str:
    """Split a name into words: `give_anew` and `GiveAnew` both read "give anew"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
