"""Texts as they are searched and sorted: accents, capitals and widths make no difference.

The one place that says so: whatever is searched is stored folded (see searching.py) or indexed by
`words`, and what a user types is folded by the same functions.
"""

import re
import unicodedata

# Letters that Unicode does not take apart into a letter and a mark. Those with a stroke, hook,
# tail or the like are found by their names, see `_plain_letters`.
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
# Drawn as nothing, though Unicode does not count them as format characters: the grapheme joiner,
# fillers of Hangul, variation selectors.
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_WORD = re.compile(r"\w+")


def _plain_letters() -> dict[str, str]:
    """Letter -> what it is searched as: "ł" as "l", "đ" as "d", "ø" as "o"."""
    named = {chr(code): unicodedata.name(chr(code), "") for block in _LATIN for code in block}
    matches = {letter: _WITH_A_STROKE.match(name) for letter, name in named.items()}
    plain = {letter: match[1].lower() for letter, match in matches.items() if match}
    return plain | _NOT_DECOMPOSED


_PLAIN = str.maketrans(_plain_letters())


def clean(text: str | None, length: int) -> str:
    """At most `length` characters on one line, without what PostgreSQL refuses in a text."""
    return " ".join(_UNSTORABLE.sub(" ", text or "").split())[:length]


def fold(text: str) -> str:
    """Casefolded, compatibility decomposed, without combining marks and invisible characters,
    words one blank apart.

    Folding twice gives the same as folding once, so a folded text can be searched in folded texts.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    once = _fold(text)
    while (again := _fold(once)) != once:
        once = again
    return once


def _fold(text: str) -> str:
    visible = _DRAWN_AS_NOTHING.sub("", text)
    apart = unicodedata.normalize("NFKD", visible).casefold().translate(_PLAIN)
    bare = "".join(sign for sign in apart if not _is_ignored(sign))
    return " ".join(bare.split())


def _is_ignored(sign: str) -> bool:
    """Whether it is an accent, or a character without a shape, such as a zero-width space."""
    return bool(unicodedata.combining(sign)) or unicodedata.category(sign) == "Cf"


def words(text: str) -> list[str]:
    """The words of a text as they are searched: folded runs of letters and digits, each once."""
    return list(dict.fromkeys(_WORD.findall(fold(text))))


def search_words(text: str) -> list[str]:
    """The words to look for when a user types `text`. Empty if it has no letter and no digit.

    Adding to the end of a text that has words adds a word or makes the last one longer, so the
    longer text never finds more.
    """
    return [word for word in words(text) if word.strip("_")]


def is_wordless(text: str) -> bool:
    """Whether something was typed that nothing can be searched for: "-", "%", an emoji."""
    return bool(text.strip()) and not search_words(text)
