"""Configure how allauth stores second factors: sealed, and named in our words."""

from typing import Any, ClassVar

from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from lofty_admin.accounts.models import User
from lofty_admin.accounts.sealing import open_for, owner_of


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("Incorrect code. Codes work once, and only for a short time."),
    }

    def encrypt(self, text: str) -> str:
        """Never called: `mfa` seals for an owner, which allauth does not pass here."""
        raise NotImplementedError("second factors are stored by lofty_admin.accounts.mfa")

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt a secret. `mfa.checked` verified its owner before."""
        return open_for(owner_of(encrypted_text), encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        request: HttpRequest = self.request
        return {"id": request.get_host().partition(":")[0], "name": "Sales Agent console"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return {**entity, "display_name": str(user)}
