"""The console in other languages: `locale/<language>/LC_MESSAGES/{django,djangojs}.po`.

Pages read the first through Django; of the second a script `static/words/<language>.js` is made.

    python -m tools.translations            # bring the .po files up to date with the code, compile
    python -m tools.translations --compile  # only make what is read: .mo files and scripts
    python -m tools.translations --check    # as in `make lint`: nothing missing, nothing stale

Django's makemessages needs programs of GNU gettext, which a fresh machine does not have; Babel
reads and writes the same files.
"""

import argparse
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
WORDS = ROOT / "static" / "words"
# For each of Django's functions, which arguments are the text, the plural and the context.
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
COMMENT = "Translators:"
_Found = tuple[int, Any, list[str], str | None]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    if options.check:
        faults = [fault for one in catalogs() for fault in faults_of(*one)]
        sys.stdout.write("".join(f"{fault}\n" for fault in faults))
        return 1 if faults else 0
    for path, source in catalogs():
        if not options.compile:
            update(path, source)
        compile_catalog(path)
    return 0


def compile_catalog(path: Path) -> None:
    """Compile a .po file: to the .mo file, or for scripts to the script with the texts."""
    catalog = read(path)
    if path.stem == "django":
        with path.with_suffix(".mo").open("wb") as compiled:
            write_mo(compiled, catalog)
        return
    words = {_key(message): message.string for message in catalog if message.id}
    WORDS.mkdir(exist_ok=True)
    text = json.dumps(words, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (WORDS / f"{path.parent.parent.name}.js").write_text(f"globalThis.WORDS = {text};\n")


def _key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, tuple) else message.id)


def catalogs() -> Iterator[tuple[Path, Catalog]]:
    """Return each .po file with the texts that the code has for it."""
    sources = {"django": of_pages(), "djangojs": of_scripts()}
    for language in sorted(LOCALE.iterdir()):
        for domain, source in sources.items():
            yield language / "LC_MESSAGES" / f"{domain}.po", source


def of_pages() -> Catalog:
    """Return every text marked in Python and in templates."""
    found = Catalog()
    for path in sorted((ROOT / "lofty_admin").rglob("*.py")):
        _add(found, path, extract("python", _open(path), KEYWORDS, [COMMENT]))
    for path in sorted((ROOT / "templates").rglob("*.*")):
        _add(found, path, extract(of_template, _open(path), KEYWORDS, [COMMENT]))
    return found


def of_scripts() -> Catalog:
    """Return every text marked in the scripts of static/, without those of others."""
    found = Catalog()
    others = {WORDS, ROOT / "static" / "vendor"}
    scripts = (path for path in (ROOT / "static").rglob("*.js") if path.parent not in others)
    for path in sorted(scripts):
        _add(found, path, extract("javascript", _open(path), KEYWORDS, [COMMENT]))
    return found


def of_template(source: Any, keywords: Any, comments: Any, options: Any) -> Any:
    """Extract texts from a template, in the form that Babel calls: as Django makes it Python."""
    python = templatize(source.read().decode())
    flat = "\n".join(line.strip() for line in python.split("\n"))
    return extract_python(io.BytesIO(flat.encode()), keywords, comments, options)


def update(path: Path, source: Catalog) -> None:
    """Add new texts and remove those that are gone; keep translations. Nothing is guessed."""
    known = read(path)
    fresh = Catalog(locale=known.locale)
    for message in source:
        if message.id:
            there = known.get(message.id, message.context)
            fresh.add(
                message.id,
                there.string if there else None,
                [(name, 0) for name, _ in message.locations],
                auto_comments=message.auto_comments,
                context=message.context,
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        # Without a header: it would hold dates, and Babel knows the plural forms of a language.
        write_po(file, fresh, width=100, include_lineno=False, sort_output=True, omit_header=True)


def read(path: Path) -> Catalog:
    """Return the .po file, or an empty one of its language."""
    language = path.parent.parent.name
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def faults_of(path: Path, source: Catalog) -> Iterator[str]:
    """Return what is missing or outdated in this file."""
    known, name = read(path), path.relative_to(ROOT)
    for message in source:
        if message.id and not _is_translated(known.get(message.id, message.context)):
            yield f"{name}: not translated: {message.id!r}"
    for message in known:
        if not message.id:
            continue
        if not source.get(message.id, message.context):
            yield f"{name}: no longer in the code: {message.id!r}"
        for error in message.check(known):
            yield f"{name}: {error}: {message.id!r}"


def _is_translated(message: Message | None) -> bool:
    if message is None or message.fuzzy:
        return False
    texts = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(texts)


def _open(path: Path) -> IO[bytes]:
    return io.BytesIO(path.read_bytes())


def _add(catalog: Catalog, path: Path, found: Iterable[_Found]) -> None:
    for line, texts, comments, context in found:
        place = (str(path.relative_to(ROOT)), line)
        catalog.add(texts, None, [place], auto_comments=comments, context=context)


if __name__ == "__main__":
    sys.exit(main())
