"""Password rules, the same everywhere, and the one form in which passwords are hashed.

A keyboard may write é as one character or as two, and a full-width digit for a plain one. NFKC
makes them the same, so a password typed on another device works.
"""

import re
import unicodedata
from collections.abc import Iterator

from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from lofty_admin.core.text import fold, words

MINIMUM_DISTINCT = 5  # different characters in a password
_SHORTEST_PART = 3  # of a name or an address that counts as personal
_LEAST_REMAINING = 8  # characters that must be left without the personal parts
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1234567890")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def normalize(password: str) -> str:
    """Return the form that is hashed."""
    return unicodedata.normalize("NFKC", password)


def spellings(password: str) -> Iterator[str]:
    """Return the forms to compare with a hash: normalized, then as typed for older hashes."""
    yield normalize(password)
    if password != normalize(password):
        yield password


def check_password_rules(password: str, user: object) -> None:
    """Raise ValidationError if `password` is too weak for `user`. Call before every hashing."""
    validate_password(normalize(password), user)  # type: ignore[arg-type]  # any user model


class PersonalValidator:
    """Refuse a password that is little more than the user's own name or address.

    Django compares as a whole only, so that "Victor Viewer 1" passes for victor@example.com.
    """

    def validate(self, password: str, user: object = None) -> None:
        rest = _bare(password)
        for part in sorted(_personal_parts(user), key=len, reverse=True):
            rest = rest.replace(part, "")
        if len(rest) < _LEAST_REMAINING and rest != _bare(password):
            raise ValidationError(
                _("The password is mostly your name or e-mail address. Use other words."),
                code="password_too_personal",
            )

    def get_help_text(self) -> str:
        return _("Not your name or e-mail address.")


class PatternValidator:
    """Refuse passwords of few characters, repetitions, and runs along alphabet or keyboard."""

    def validate(self, password: str, user: object = None) -> None:
        text = fold(password) or password
        visible = "".join(password.split())
        if len(visible) < 8 or len(set(visible)) < MINIMUM_DISTINCT:
            raise ValidationError(
                _("The password uses too few different characters. Use several words."),
                code="password_too_uniform",
            )
        if _is_repetition(text) or _is_mostly_runs(text):
            raise ValidationError(
                _("The password repeats or follows a simple pattern. Use several words."),
                code="password_is_pattern",
            )

    def get_help_text(self) -> str:
        return _("No repetition and no keyboard rows.")


class CommonPartsValidator(CommonPasswordValidator):
    """Refuse common passwords, also one written twice, and two of them joined.

    Django's list has few of 15 characters or more, so on its own it is useless with this minimum
    length.
    """

    def validate(self, password: str, user: object = None) -> None:
        text = "".join(password.lower().split())
        halves = ((text[:at], text[at:]) for at in range(4, len(text) - 3))
        if self._is_common(text) or any(
            self._is_common(left) and self._is_common(right) for left, right in halves
        ):
            raise ValidationError(
                _("The password consists of common passwords. Use several unrelated words."),
                code="password_too_common",
            )

    def _is_common(self, text: str) -> bool:
        bare = text.strip("0123456789!?.-_*#$@ ")
        return text in self.passwords or (len(bare) >= 4 and bare in self.passwords)


def _personal_parts(user: object) -> set[str]:
    """Return the parts of name and address, and the name as one word, all as `_bare`."""
    name, email = str(getattr(user, "name", "")), str(getattr(user, "email", ""))
    found = {_bare(name), _bare(email), *map(_bare, re.split(r"[\s@._+-]+", f"{name} {email}"))}
    return {part for part in found if len(part) >= _SHORTEST_PART}


def _bare(text: str) -> str:
    """Return the folded letters and digits of a text only."""
    return "".join(words(text))


def _is_repetition(text: str) -> bool:
    """Return whether the text repeats one piece of at most half its length."""
    bare = "".join(text.split())
    return any(
        (bare[:size] * (len(bare) // size + 1))[: len(bare)] == bare
        for size in range(1, len(bare) // 2 + 1)
    )


def _is_mostly_runs(text: str) -> bool:
    """Return whether at least three quarters belong to runs of four or more neighbors."""
    bare = "".join(text.split())
    covered, run = 0, 1
    for at in range(1, len(bare) + 1):
        if at < len(bare) and _are_neighbors(bare[at - 1], bare[at]):
            run += 1
            continue
        covered += run if run >= 4 else 0
        run = 1
    return covered * 4 >= len(bare) * 3


def _are_neighbors(left: str, right: str) -> bool:
    """Return whether two characters are equal, or adjacent in the alphabet or on a keyboard."""
    pairs = (left + right, right + left)
    in_rows = any(pair in row for pair in pairs for row in (*_ROWS, _ALPHABET))
    return left == right or in_rows or abs(ord(left) - ord(right)) == 1
