"""Show text so that two different texts never look the same.

Text from Lofty, and text that users paste, can hold invisible characters: zero-width characters,
direction marks, no-break spaces, letters of another script that look like Latin ones. `visible`
spells them out as ⟨U+200B⟩, and marks spaces and line breaks where they would not show.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator

from lofty_admin.core.text import is_invisible

# Controls, format characters, halves of characters, private use, unassigned, separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
_MARKS = frozenset({"⟨", "↵", "␣"})  # spelled out in the text, so a mark is always ours
# Punctuation that looks like a keyboard character.
_TWIN_PUNCTUATION = frozenset("‐‑‒−﹣－ʹʼˈ′‵＇․‚∶꞉ː⁄∕⧸ǀ∣।‹›∗⁎＊․∙")
_LOOK_LIKE_LATIN = {
    "Cyrillic": frozenset("авеһіјкмнорсѕтухԁԛԝѵӏгҽАВЕЅІЈКМНОРСТУХԀԌԚԜѴӀҺЗЬ"),
    "Greek": frozenset("αγικνορτυϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ"),
    "Armenian": frozenset("աոսօցհԼՍՕ"),
    "Cherokee": frozenset("ᎠᎡᎢᎪᎫᎬᎳᎷᎻᎽᏀᏃᏆᏒᏔᏕᏙᏚᏞᏟᏢᏦᏴ"),
}
# Compatibility forms of letters and digits, by the tag of their decomposition; not ² and similar.
_TWIN_FORMS = ("<font>", "<compat>", "<wide>", "<narrow>", "<noBreak>")
_TWIN_LETTERS = frozenset("ɑɡǃ")
_WORD = re.compile(r"[^\W\d_]+")
_SPACE_UNSEEN = re.compile(r"(?<![^ \n]) | (?![^ \n])")  # at an end, or next to another blank
_JAMO = re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")  # Korean letters that join


def visible(text: str) -> str:
    """Return the text with everything that a reader could miss spelled out.

    Different texts give different results, even after a browser has collapsed spaces.
    """
    if text.isascii() and text.isprintable() and not _SPACE_UNSEEN.search(text):
        return text
    return "".join(_pieces(text))


def isolated(text: str) -> str:
    """Return the text so that its direction cannot reorder what stands next to it.

    For sentences, titles and lists; an element of its own has `dir="auto"` or is a <bdi> instead.
    """
    return f"\u2068{text}\u2069" if any(map(_is_right_to_left, text)) else text


def shortened(text: str, most: int) -> str:
    """Return the text, or its beginning with the length and a digest of all of it: texts that
    differ anywhere still look different."""
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{text[:most]}… ({len(text):,} characters, SHA-256 {digest})"


def has_unseen(text: str) -> bool:
    """Return whether a text field would hide part of the text. Text fields show line breaks."""
    shown = visible(text)
    return "⟨" in shown or "␣" in shown


def _pieces(text: str) -> Iterator[str]:
    blanks = {match.start() for match in _SPACE_UNSEEN.finditer(text)}
    labels, twins = _look_alikes(text)
    is_composed = unicodedata.is_normalized("NFC", text)
    is_joinable = False  # whether a following accent would combine with a letter of its own
    for at, sign in enumerate(text):
        if at in labels:
            yield f"⟨{labels[at]}⟩"
        if sign == "\n":
            piece = "↵\n"
        elif at in blanks:
            piece = "␣"
        elif (
            at in twins
            or _is_spelled(sign)
            or (not is_composed and _composes(sign))
            or (not is_joinable and _is_accent(sign))
        ):
            piece = f"⟨U+{ord(sign):04X}⟩"
        else:
            piece = sign
        is_joinable = piece == sign
        yield piece


def _is_spelled(sign: str) -> bool:
    if sign.isascii():
        return sign != " " and not sign.isprintable()
    if sign in _MARKS or sign in _TWIN_PUNCTUATION or sign in _TWIN_LETTERS:
        return True
    category = unicodedata.category(sign)
    if category in _UNSEEN or is_invisible(sign):
        return True
    is_form = unicodedata.decomposition(sign).startswith(_TWIN_FORMS)
    return is_form and category[0] in "LN" and unicodedata.normalize("NFKC", sign).isascii()


def _is_right_to_left(sign: str) -> bool:
    return not sign.isascii() and unicodedata.bidirectional(sign) in {"R", "AL", "AN"}


def _is_accent(sign: str) -> bool:
    return unicodedata.category(sign).startswith("M")


def _composes(sign: str) -> bool:
    """Return whether `sign` may be one of two ways to write the same character."""
    if _is_accent(sign) or _JAMO.match(sign):
        return True
    return unicodedata.normalize("NFC", sign) != sign


def _look_alikes(text: str) -> tuple[dict[int, str], set[int]]:
    """Return (start of a word -> its script, positions of single letters to spell out).

    A word of one script is left as it is, unless it could be read as a Latin word throughout:
    then its script is named. In a word of several scripts the letters that mislead are spelled out.
    """
    labels: dict[int, str] = {}
    twins: set[int] = set()
    for match in () if text.isascii() else _WORD.finditer(text):
        word, start = match.group(), match.start()
        misleading = {at: _script_of_twin(sign) for at, sign in enumerate(word, start)}
        misleading = {at: script for at, script in misleading.items() if script}
        if not misleading:
            continue
        if len(misleading) == len(word) and len(set(misleading.values())) == 1:
            labels[start] = misleading[start]
        elif len({_script(sign) for sign in word}) > 1:
            twins |= set(misleading)
    return labels, twins


def _script_of_twin(sign: str) -> str:
    return next((name for name, twins in _LOOK_LIKE_LATIN.items() if sign in twins), "")


def _script(sign: str) -> str:
    return unicodedata.name(sign, "?").split(" ", 1)[0]
