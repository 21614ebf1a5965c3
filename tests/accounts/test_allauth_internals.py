"""What we use of allauth's internals is where it was, and takes what we pass."""

import inspect

import pytest
from allauth.mfa.models import Authenticator

from lofty_admin.accounts import allauth_internals, totp
from lofty_admin.accounts.sealing import seal_for

PARAMETERS = {
    "begin_registration": ["user", "passwordless"],
    "clear_login": ["request"],
    "post_authentication": ["request", "authenticator", "reauthenticated", "passwordless"],
    "unstash_login": ["request", "peek"],
}


def test_internals__all_of_them__take_the_parameters_we_know() -> None:
    found = {
        name: list(inspect.signature(getattr(allauth_internals, name)).parameters)
        for name in allauth_internals.__all__
    }
    assert found == PARAMETERS


def test_recovery_codes__of_a_stored_seed__are_still_the_same() -> None:
    """Codes that users wrote down must keep working after an upgrade."""
    data = {"seed": seal_for(7, "00" * 40), "used_mask": 0}
    codes = Authenticator(type="recovery_codes", data=data).wrap().generate_codes()
    assert codes[:2] == ["40017382", "93474438"]


# The last six of the eight digits in appendix B of RFC 6238, for SHA-1.
RFC_6238 = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}


@pytest.mark.parametrize("at", RFC_6238)
def test_totp__vectors_of_the_rfc__same_codes(at: int) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert totp.code_of(secret, at // totp.PERIOD) == RFC_6238[at]
