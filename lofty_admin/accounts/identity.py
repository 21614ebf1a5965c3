"""Compare e-mail addresses in one canonical form, and reject deceptive characters in names.

Databases and browsers disagree about case: in upper case a dotless i equals I and a long s equals
S. So two addresses are the same only if `canonical_email` says so, wherever they are compared.
"""

import unicodedata
from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from lofty_admin.core.input import refuse_unreadable
from lofty_admin.core.text import is_invisible

# Alphabets with letters that look like those of another alphabet.
_LOOK_ALIKE_SCRIPTS = frozenset(
    {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "GEORGIAN"}
)
# Controls, formats (zero width, direction), surrogates, private use, line and paragraph breaks.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def canonical_email(text: str) -> str:
    """Return the canonical form in which addresses are compared and kept unique."""
    lowered = unicodedata.normalize("NFKC", text.strip()).lower()
    return unicodedata.normalize("NFKC", lowered).strip()


def is_storable(text: str) -> bool:
    """Return whether PostgreSQL can hold `text`: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def is_written_canonically(email: str) -> bool:
    """Return whether `email` differs from its canonical form in case only.

    An address that differs otherwise was written with characters that only look like the plain
    ones, and its mailbox may be another person's.
    """
    return email.lower() == canonical_email(email)


def check_email(email: str) -> None:
    """Raise ValidationError if a new user's address has anything but plain characters."""
    unusual = [sign for sign in email.strip() if not sign.isascii() or not sign.isprintable()]
    if unusual:
        raise ValidationError(
            _(
                "The address contains %(characters)s, which can be mistaken for other "
                "characters. Enter it in plain letters. Enter a domain in another script "
                "in its xn-- form."
            )
            % {"characters": _named(unusual)}
        )


def check_name(name: str) -> None:
    """Raise ValidationError if a user's name has deceptive characters.

    These are invisible, change the direction of the text, or imitate others.
    """
    refuse_unreadable(name)
    hidden = [sign for sign in name if is_hidden(sign)]
    if hidden:
        message = _("The name contains invisible characters (%(characters)s). Enter it again.")
        raise ValidationError(message % {"characters": _named(hidden)})
    plain = unicodedata.normalize("NFKC", name)
    if plain != unicodedata.normalize("NFC", name):
        message = _("The name contains letters that look like others. Enter it as: %(name)s")
        raise ValidationError(message % {"name": plain})
    for word in name.split():
        if len(scripts := sorted(_scripts(word))) > 1:
            message = _(
                "%(word)s mixes letters of different alphabets (%(scripts)s). Use only one."
            )
            raise ValidationError(
                message % {"word": word, "scripts": ", ".join(one.capitalize() for one in scripts)}
            )


def is_hidden(sign: str) -> bool:
    """Return whether this character is invisible, or only moves others."""
    return unicodedata.category(sign) in _INVISIBLE_CATEGORIES or is_invisible(sign)


def _scripts(word: str) -> Iterator[str]:
    found = {unicodedata.name(sign, "").split(" ")[0] for sign in word if sign.isalpha()}
    return iter(found & _LOOK_ALIKE_SCRIPTS)


def _named(signs: list[str]) -> str:
    """Return up to three characters by number and name: 'U+200B (ZERO WIDTH SPACE)'."""
    shown = list(dict.fromkeys(signs))[:3]
    return ", ".join(f"U+{ord(sign):04X} ({unicodedata.name(sign, 'no name')})" for sign in shown)
