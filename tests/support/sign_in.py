"""Sign in over the pages, and check whether a browser is signed in."""

from django.test import Client
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.users import PASSWORD

WRONG = "not the right password"


def sign_in(
    client: Client, email: str, password: str = PASSWORD, *, after: str = "", address: str = ""
) -> int:
    data = {"login": email, "password": password, "next": after}
    headers = {"REMOTE_ADDR": address or "192.0.2.1"}
    return client.post(reverse("account_login"), data, **headers).status_code  # type: ignore[arg-type]


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("fleet:home")).status_code == 200


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("seq").values_list("kind", flat=True))


NEW = "a much newer battery staple"


def change(client: Client, old: str = PASSWORD, new: str = NEW) -> str:
    data = {"oldpassword": old, "password1": new, "password2": new}
    answer = client.post(reverse("account_change_password"), data, follow=True)
    return answer.content.decode()


def opened(user: User, *, agent: str = "Firefox") -> Client:
    client = Client(headers={"User-Agent": agent})
    sign_in(client, user.email)
    assert is_signed_in(client)
    return client


def guess(email: str, times: int) -> None:
    """Guess from many addresses, as an attacker with many machines does."""
    for number in range(times):
        sign_in(Client(), email, WRONG, address=f"198.51.100.{number}")
