"""Authenticate users by e-mail address and password."""

from allauth.account.auth_backends import AuthenticationBackend

from lofty_admin.accounts.models import User
from lofty_admin.accounts.passwords import spellings


class EmailBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    """Look up the canonical address only; allauth's own lookup uses `iexact`."""

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        user = User.objects.find_by_email(email)
        found: User | None = self._check_password(user, password)
        return found

    def _mitigate_timing_attack(self, password: str) -> None:
        """Hash as often as for an existing user."""
        for spelling in spellings(password):
            User().set_password(spelling)
