"""What we use of allauth that it does not promise to keep. No other module may import it.

tests/accounts/test_allauth_internals.py fails when an upgrade moves or changes any of it.
"""

from allauth.account.internal.stagekit import clear_login, unstash_login  # noqa: TID251
from allauth.mfa.base.internal.flows import post_authentication  # noqa: TID251
from allauth.mfa.webauthn.internal.auth import begin_registration  # noqa: TID251

__all__ = ["begin_registration", "clear_login", "post_authentication", "unstash_login"]
