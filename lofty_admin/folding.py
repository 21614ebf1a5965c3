"""Texts as they are searched: accents, capitals and widths make no difference, in any script."""

import re
import unicodedata

# Letters with a stroke or ligature that Unicode does not take apart.
_PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
    }
)
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_WORD = re.compile(r"\w+")


def clean(text: str | None, length: int) -> str:
    """At most `length` characters on one line, without what PostgreSQL refuses in a text."""
    return " ".join(_UNSTORABLE.sub(" ", text or "").split())[:length]


def fold(text: str) -> str:
    """Casefolded, compatibility decomposed, without combining marks, words one blank apart.

    Folding twice gives the same as folding once, so a folded text can be searched in folded texts.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    once = _fold(text)
    while (again := _fold(once)) != once:
        once = again
    return once


def _fold(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN)
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return " ".join(bare.split())


def words(text: str) -> list[str]:
    """The words of a text as they are searched: folded runs of letters and digits, each once."""
    return list(dict.fromkeys(_WORD.findall(fold(text))))
