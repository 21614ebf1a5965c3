"""A new token is tried at Lofty before it is stored."""

import pytest

from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.errors import BadToken, LoftyError, Unauthorised, Unreachable, WrongScheme
from tests.support.lofty_users import TOKEN, Lofty, checked


def test_check_token__good__names_the_owner(db: None, lofty: Lofty) -> None:
    token = checked()
    assert token.lofty_user["name"]
    assert "@" in str(token.lofty_user["email"])
    assert isinstance(token.lofty_user["member_user_id"], int)
    assert token.budget is not None
    assert token.budget.limit == 60
    assert TOKEN not in repr(token)


@pytest.mark.parametrize(
    ("token", "scheme", "error"),
    [
        ("nobody-has-this-token", Scheme.API_KEY, Unauthorised),
        (TOKEN, Scheme.OAUTH, WrongScheme),
        ("two words", Scheme.API_KEY, BadToken),
    ],
)
def test_check_token__bad__says_why_without_the_token(
    db: None, lofty: Lofty, token: str, scheme: Scheme, error: type[LoftyError]
) -> None:
    with pytest.raises(error) as caught:
        checked(token, scheme)
    assert token not in f"{caught.value!r} {caught.value.advice} {caught.value.exchange}"


def test_check_token__lofty_is_down__not_sent(db: None) -> None:
    with pytest.raises(Unreachable):
        checked()
