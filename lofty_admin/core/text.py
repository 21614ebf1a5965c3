"""Fold text for search and sorting: accents, case, and widths make no difference.

This module alone defines the folding: searchable text is stored folded (see searching.py) or
indexed by `words`, and what a user types is folded by the same functions.
"""

import re
import unicodedata

# Letters that Unicode does not decompose into a letter and a mark. Those with a stroke, hook, tail
# or similar are found by their names, see `_plain_letters`.
_NOT_DECOMPOSED = {
    "ð": "d",
    "ı": "i",
    "ȷ": "j",
    "ĸ": "k",
    "ŋ": "n",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
_LATIN = (range(0x80, 0x250), range(0x1E00, 0x1F00), range(0x2C60, 0x2C80), range(0xA720, 0xA800))
_WITH_A_STROKE = re.compile(r"LATIN SMALL LETTER ([A-Z]) WITH ")
# Invisible, though Unicode does not count them as format characters. Some are as wide as a space:
# fillers of Hangul, blanks of Braille and of music.
WIDE_BLANKS = frozenset("\u2800\u3164\uffa0\U0001d159")
_DRAWN_AS_NOTHING = frozenset(
    # The grapheme joiner, what is left out in Hangul, Khmer, and Mongolian, variation selectors.
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_WORD = re.compile(r"\w+")


def _plain_letters() -> dict[str, str]:
    """Map each letter to the letter it is searched as: "ł" to "l", "đ" to "d", "ø" to "o"."""
    named = {chr(code): unicodedata.name(chr(code), "") for block in _LATIN for code in block}
    matches = {letter: _WITH_A_STROKE.match(name) for letter, name in named.items()}
    plain = {letter: match[1].lower() for letter, match in matches.items() if match}
    return plain | _NOT_DECOMPOSED


_PLAIN = str.maketrans(_plain_letters())
_UNDRAWN = str.maketrans({**dict.fromkeys(_DRAWN_AS_NOTHING), **dict.fromkeys(WIDE_BLANKS, " ")})


def clean(text: str | None, length: int) -> str:
    """Return at most `length` characters on one line, without what PostgreSQL refuses in a text."""
    return " ".join(_UNSTORABLE.sub(" ", text or "").split())[:length]


def fold(text: str) -> str:
    """Fold case and compatibility forms, and drop combining marks and invisible characters.

    Words are separated by one space. Folding twice equals folding once, so a folded text can be
    searched in folded texts.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    once = _fold(text)
    while (again := _fold(once)) != once:
        once = again
    return once


def _fold(text: str) -> str:
    visible = text.translate(_UNDRAWN)
    apart = unicodedata.normalize("NFKD", visible).casefold().translate(_PLAIN)
    bare = "".join(sign for sign in apart if not _is_ignored(sign))
    return " ".join(bare.split())


def is_invisible(sign: str) -> bool:
    """Return whether `sign` is a character without a shape: a zero-width space, a filler, a blank.

    Ordinary spaces and controls are not meant.
    """
    if sign.isascii():
        return False
    return sign in _DRAWN_AS_NOTHING or sign in WIDE_BLANKS or unicodedata.category(sign) == "Cf"


def _is_ignored(sign: str) -> bool:
    """Return whether `sign` is an accent or an invisible character, such as a zero-width space."""
    return bool(unicodedata.combining(sign)) or is_invisible(sign)


def words(text: str) -> list[str]:
    """Return the searchable words of a text: distinct folded runs of letters and digits."""
    return list(dict.fromkeys(_WORD.findall(fold(text))))


def search_words(text: str) -> list[str]:
    """Return the words to search for when a user types `text`; empty without a letter or digit.

    Appending to a text that has words adds a word or extends the last one, so the longer text never
    matches more.
    """
    return [word for word in words(text) if word.strip("_")]


def is_wordless(text: str) -> bool:
    """Return whether `typed` is not empty but has nothing to search for: "-", "%", an emoji."""
    return bool(text.strip()) and not search_words(text)
