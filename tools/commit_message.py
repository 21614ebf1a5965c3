"""Check a commit message, as git's commit-msg hook: `python -m tools.commit_message FILE`."""

import sys
from pathlib import Path

from tools.prose import check_text

MAX_SUBJECT = 60
# Git writes these subjects itself.
GENERATED = ("Merge ", "Revert ", "fixup! ", "squash! ", "amend! ")
# Below this line `git commit --verbose` shows the diff, which is not part of the message.
SCISSORS = "# ------------------------ >8 ------------------------"


def main(arguments: list[str]) -> int:
    """Print what is wrong with the message in the file, and return 1 if anything is."""
    found = problems(Path(arguments[0]).read_text())
    sys.stderr.write("".join(f"{problem}\n" for problem in found))
    return 1 if found else 0


def problems(message: str) -> list[str]:
    """Return what is wrong with the message; an empty list if nothing is."""
    written = message.partition(SCISSORS)[0].splitlines()
    lines = "\n".join(line for line in written if not line.startswith("#")).strip().splitlines()
    if not lines:
        return ["The subject is empty."]
    if lines[0].startswith(GENERATED):
        return []
    found = _subject_problems(lines[0])
    if len(lines) > 1 and lines[1].strip():
        found.append("An empty line is missing between the subject and the body.")
    return [*found, *(advice for _, advice in check_text("\n".join(lines)))]


def _subject_problems(subject: str) -> list[str]:
    found = []
    if len(subject) > MAX_SUBJECT:
        found.append(f"The subject has {len(subject)} characters; {MAX_SUBJECT} is the limit.")
    if subject.endswith("."):
        found.append("The subject ends with a period.")
    if subject[0].islower():
        found.append("The subject starts with a lowercase letter.")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
