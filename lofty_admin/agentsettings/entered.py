"""Clean up what a user typed or pasted into a field, so that what is checked is what is sent.

Only for values that a user entered: unchanged values from Lofty are never cleaned.
"""

import re
import unicodedata

import phonenumbers

from lofty_admin.core.text import WIDE_BLANKS, is_invisible
from lofty_admin.lofty.json_strict import JSON

# What people write around the digits of one number. No letters: they could be an extension, a
# second number, or a remark, which must not be lost.
_PLAIN_NUMBER = re.compile(r"\+?[0-9(][0-9 ().\-/]*")
_DASHES = re.compile("[‐‑‒–—―−﹣－]")
# Joiners shape emoji and the letters of some scripts: a text may need them, a name does not.
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")


def entered_name(text: str) -> str:
    """Return a name on one line, without invisible characters."""
    return " ".join(_without_unseen(text).split())


def entered_text(text: str) -> str:
    """Return a longer text with its line breaks and joiners, without other invisible characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_without_unseen(line, keep=_JOINERS) for line in lines).strip()


def entered_number(text: str, region: JSON) -> str:
    """Return a phone number as +14155550100 if it is one number, else the text as it was typed.

    Invisible characters are removed in both cases. region: the country as Lofty has it ("US"), for
    numbers without a country code.
    """
    cleaned = entered_name(text)
    plain = _plain_digits(_DASHES.sub("-", cleaned))
    parsed = parsed_number(plain, region)
    if parsed is None or not (plain.startswith("+") or _is_possible(parsed)):
        return cleaned
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def parsed_number(text: str, region: JSON) -> phonenumbers.PhoneNumber | None:
    """Return the number that is written with ASCII digits and plain separators, else None."""
    if not _PLAIN_NUMBER.fullmatch(text):
        return None
    try:
        return phonenumbers.parse(text, region if isinstance(region, str) else None)
    except phonenumbers.NumberParseException:
        return None


def _is_possible(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether it has the length of a complete number, not of a local one."""
    reason = phonenumbers.is_possible_number_with_reason(number)
    return bool(reason == phonenumbers.ValidationResult.IS_POSSIBLE)


def _without_unseen(text: str, keep: frozenset[str] = frozenset()) -> str:
    blanks = "".join(" " if sign.isspace() or sign in WIDE_BLANKS else sign for sign in text)
    kept = (sign for sign in blanks if sign in keep or not _is_unseen(sign))
    return unicodedata.normalize("NFC", "".join(kept))


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cc", "Cs"} or is_invisible(sign)


def _plain_digits(text: str) -> str:
    """Convert full-width and other digits to ASCII digits; change nothing else."""
    compatible = unicodedata.normalize("NFKC", text)
    digits = (unicodedata.decimal(sign, None) for sign in compatible)
    pairs = zip(compatible, digits, strict=True)
    return "".join(sign if digit is None else str(digit) for sign, digit in pairs)
