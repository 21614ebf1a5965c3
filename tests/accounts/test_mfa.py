"""Second factors: set up, used once, removed, sealed, recorded."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.accounts import mfa
from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.second_factor import (
    SECRET,
    code_at,
    give_app,
    give_code,
    give_codes,
    later,
    shown_secret,
)
from tests.support.second_factor_pages import set_up_app
from tests.support.sign_in import is_signed_in, kinds, sign_in
from tests.support.users import PASSWORD, make_user, signed_in


@pytest.fixture(autouse=True)
def fresh_throttle(db: None) -> None:
    cache.clear()


def test_app__set_up__asked_for_at_the_next_sign_in_and_recorded(viewer: User) -> None:
    secret, _ = set_up_app(signed_in(viewer))
    client = Client()
    assert sign_in(client, viewer.email) == 302
    assert not is_signed_in(client)
    with later(60):
        assert give_code(client, code_at(secret)) == 302
    assert is_signed_in(client)
    assert kinds()[:2] == ["mfa.added", "mfa.codes_made"]
    signed = AuditEvent.objects.get(kind="session.signed_in")
    assert signed.content["detail"]["with"] == ["password", "totp"]


def test_deep_link__with_a_query__survives_password_and_second_factor(viewer: User) -> None:
    give_app(viewer)
    client, page = Client(), "/t/acme/history/?outcome=verified&q=a%20b%2Bc"
    asked = client.get(page).headers["Location"]
    shown = re.search(r'name="next" value="([^"]+)"', client.get(asked).content.decode())
    assert shown
    data = {"login": viewer.email, "password": PASSWORD, "next": html.unescape(shown[1])}
    assert client.post(reverse("account_login"), data)["Location"] == reverse("mfa_authenticate")
    answer = client.post(reverse("mfa_authenticate"), {"code": code_at()})
    assert answer.headers["Location"] == page


def test_app__set_up__recovery_codes_shown_once(viewer: User) -> None:
    client = signed_in(viewer)
    _, page = set_up_app(client)
    row = Authenticator.objects.get(type="recovery_codes")
    codes = row.wrap().generate_codes()
    assert all(code in page for code in codes)
    again = client.get(reverse("mfa_view_recovery_codes"), follow=True).content.decode()
    assert "shown only once" in again
    assert not any(code in again for code in codes)


def test_app__wrong_code__nothing_set_up_and_same_secret_again(viewer: User) -> None:
    client, url = signed_in(viewer), reverse("mfa_activate_totp")
    secret = shown_secret(client.get(url).content.decode())
    html = client.post(url, {"code": "000000"}).content.decode()
    assert shown_secret(html) == secret
    assert "Wrong code" in html
    assert not Authenticator.objects.exists()
    assert kinds() == []


def test_app__already_there__second_one_refused(viewer: User) -> None:
    give_app(viewer)
    with pytest.raises(ValidationError, match="already"):
        mfa.add_app(viewer, SECRET, code_at())
    assert Authenticator.objects.count() == 1


def test_app__qr_code__is_a_path_of_squares_without_inline_style(viewer: User) -> None:
    html = signed_in(viewer).get(reverse("mfa_activate_totp")).content.decode()
    assert '<path d="M2 2h1v1h-1z' in html
    assert "data:" not in html
    assert "style=" not in html


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_code__of_a_clock_half_a_minute_off__works(viewer: User, steps: int) -> None:
    give_app(viewer)
    assert mfa.use_code(viewer, code_at(steps=steps)) is not None


@pytest.mark.parametrize("steps", [-3, 3])
def test_code__too_old_or_too_new__refused(viewer: User, steps: int) -> None:
    give_app(viewer)
    assert mfa.use_code(viewer, code_at(steps=steps)) is None


def test_code__twice__works_once_also_much_later(viewer: User) -> None:
    give_app(viewer)
    code = code_at()
    assert mfa.use_code(viewer, code) is not None
    cache.clear()  # nothing depends on what a cache remembers
    assert mfa.use_code(viewer, code) is None
    with later(35):
        assert mfa.use_code(viewer, code) is None


@pytest.mark.django_db(transaction=True)
def test_code__just_being_used_by_another_process__waits_and_is_refused(viewer: User) -> None:
    give_app(viewer)
    code = code_at()

    def use() -> bool:
        try:
            return mfa.use_code(viewer, code) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        row = Authenticator.objects.select_for_update().get()
        used = other.submit(use)
        with pytest.raises(FutureTimeoutError):
            used.result(timeout=0.5)
        row.data["counter"] += 100
        row.save()
        transaction.on_commit(lambda: answers.append(used.result(timeout=10)))
        answers: list[bool] = []
    assert answers == [False]


def test_code__older_than_one_used__refused(viewer: User) -> None:
    give_app(viewer)
    assert mfa.use_code(viewer, code_at(steps=1)) is not None
    assert mfa.use_code(viewer, code_at()) is None


def test_code__with_blanks__works(viewer: User) -> None:
    give_app(viewer)
    code = code_at()
    assert mfa.use_code(viewer, f" {code[:3]} {code[3:]} ") is not None


def test_code__wrong__refused_and_recorded_without_it(viewer: User) -> None:
    give_app(viewer)
    client = Client()
    sign_in(client, viewer.email)
    assert give_code(client, "123456") == 200
    assert not is_signed_in(client)
    event = AuditEvent.objects.get(kind="session.sign_in_failed")
    assert event.subject == viewer.email
    assert "123456" not in event.body


def test_code__many_wrong__right_one_is_refused_too(viewer: User) -> None:
    give_app(viewer)
    client = Client()
    sign_in(client, viewer.email)
    for _ in range(6):
        give_code(client, "123456")
    assert give_code(client, code_at()) == 200
    assert not is_signed_in(client)
    last = AuditEvent.objects.latest("seq")
    assert last.content["detail"] == {"because": "too many wrong codes"}


def test_second_factor__start_again__password_is_asked_again(viewer: User) -> None:
    give_app(viewer)
    client = Client()
    sign_in(client, viewer.email)
    client.post(reverse("account_logout"), {"next": reverse("account_login")})
    assert "Second factor" not in client.get(reverse("account_login")).content.decode()
    assert give_code(client, code_at()) == 302
    assert not is_signed_in(client)


def test_second_factor__app_only__no_passkey_is_asked_for(viewer: User) -> None:
    give_app(viewer)
    client = Client()
    sign_in(client, viewer.email)
    assert "Use a passkey" not in client.get(reverse("mfa_authenticate")).content.decode()


def test_second_factor__too_late__password_is_asked_again(viewer: User) -> None:
    give_app(viewer)
    client = Client()
    sign_in(client, viewer.email)
    with later(901):
        give_code(client, code_at())
        assert not is_signed_in(client)


def test_second_factor__no_password_before__back_to_the_sign_in_page(viewer: User) -> None:
    give_app(viewer)
    client = Client()
    answer = client.post(reverse("mfa_authenticate"), {"code": code_at()})
    assert answer.headers["Location"] == reverse("account_login")
    assert not is_signed_in(client)


def test_recovery_code__used__works_once_and_is_recorded(viewer: User) -> None:
    give_app(viewer)
    code = give_codes(viewer)[0]
    client = Client()
    sign_in(client, viewer.email)
    give_code(client, code)
    assert is_signed_in(client)
    assert mfa.codes_left(viewer) == 9
    assert mfa.use_code(viewer, code) is None
    event = AuditEvent.objects.get(kind="mfa.code_used")
    assert (event.actor_id, event.content["detail"]) == (str(viewer.pk), {"left": 9})
    assert code not in "".join(AuditEvent.objects.values_list("body", flat=True))


def test_recovery_codes__generated_again__old_ones_do_not_work(viewer: User) -> None:
    give_app(viewer)
    old = give_codes(viewer)[0]
    client = signed_in(viewer)
    client.post(reverse("mfa_generate_recovery_codes"))
    assert mfa.use_code(viewer, old) is None
    assert Authenticator.objects.filter(type="recovery_codes").count() == 1


def test_recovery_codes__without_a_step__refused(viewer: User) -> None:
    answer = signed_in(viewer).post(reverse("mfa_generate_recovery_codes"), follow=True)
    assert "Set up an app or a passkey first" in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_remove__only_one_and_not_required__gone_with_its_codes(viewer: User) -> None:
    step = give_app(viewer)
    give_codes(viewer)
    client = signed_in(viewer)
    assert (
        "last second factor"
        in client.get(reverse("accounts:step_remove", args=[step.pk])).content.decode()
    )
    client.post(reverse("accounts:step_remove", args=[step.pk]))
    assert not Authenticator.objects.exists()
    assert kinds()[-1] == "mfa.removed"


def test_remove__last_one_and_required__refused(viewer: User, settings: Settings) -> None:
    settings.REQUIRE_MFA = True
    step = give_app(viewer)
    answer = signed_in(viewer).post(reverse("accounts:step_remove", args=[step.pk]), follow=True)
    assert "Nothing was removed" in answer.content.decode()
    assert Authenticator.objects.filter(pk=step.pk).exists()


def test_remove__authenticator_of_another_user__not_found_and_kept(
    viewer: User, owner: User
) -> None:
    step = give_app(owner)
    client = signed_in(viewer)
    url = reverse("accounts:step_remove", args=[step.pk])
    assert (client.get(url).status_code, client.post(url).status_code) == (404, 404)
    assert Authenticator.objects.filter(pk=step.pk).exists()


def test_secrets__in_the_database__sealed(viewer: User) -> None:
    secret, _ = set_up_app(signed_in(viewer))
    client = signed_in(viewer)  # a second set-up is pending in this one
    Authenticator.objects.filter(type="totp").delete()
    pending = shown_secret(client.get(reverse("mfa_activate_totp")).content.decode())
    codes = Authenticator.objects.get(type="recovery_codes").wrap()
    text = everything_stored()
    assert str(viewer.pk) + ":" in text
    for canary in (secret, pending, *codes.generate_codes()):
        assert canary not in text


def everything_stored() -> str:
    """What signing in and setting up writes, sessions decoded."""
    rows = [
        repr(list(model.objects.values())) for model in (Authenticator, AuditEvent, UserSession)
    ]
    sessions = [repr(session.get_decoded()) for session in Session.objects.all()]
    return "\n".join(rows + sessions)


def test_secret__copied_into_another_row__does_not_open_and_is_recorded(
    viewer: User, db: None
) -> None:
    """Who can write to the database gives a victim the secret of an app of their own."""
    attacker = make_user("attacker@example.com", "Anna Attacker")
    stolen = give_app(attacker).data
    Authenticator.objects.filter(pk=give_app(viewer, "A" * 32).pk).update(data=stolen)
    client = Client()
    sign_in(client, viewer.email)
    answer = client.post(reverse("mfa_authenticate"), {"code": code_at()})
    assert "can&#x27;t be read" in answer.content.decode()
    assert not is_signed_in(client)
    event = AuditEvent.objects.get(kind="session.sign_in_failed")
    assert "another user" in event.content["detail"]["because"]


@pytest.mark.parametrize("planted", [SECRET, "", f"1:{SECRET}", "1:AAAA", "1:!!!!"])
def test_secret__written_in_plain_text__does_not_open(viewer: User, planted: str) -> None:
    row = give_app(viewer)
    row.data = {"secret": planted.replace("1:", f"{viewer.pk}:"), "counter": 0}
    row.save()
    client = Client()
    sign_in(client, viewer.email)
    give_code(client, code_at())
    assert not is_signed_in(client)


def test_seed_of_codes__copied_from_a_victim__is_not_shown_to_the_thief(
    viewer: User, owner: User
) -> None:
    for user in (viewer, owner):
        give_app(user)
        mfa.make_codes(user)
    victim = Authenticator.objects.get(user=owner, type="recovery_codes")
    Authenticator.objects.filter(user=viewer, type="recovery_codes").update(data=victim.data)
    client = signed_in(viewer)
    client.raise_request_exception = False
    html = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert not any(code in html for code in victim.wrap().generate_codes())


def test_seed_of_codes__planted_into_a_victims_row__codes_do_not_work(
    viewer: User, owner: User
) -> None:
    for user in (viewer, owner):
        give_app(user)
    attackers, _ = give_codes(owner), give_codes(viewer)
    seed = Authenticator.objects.get(user=owner, type="recovery_codes").data
    Authenticator.objects.filter(user=viewer, type="recovery_codes").update(data=seed)
    client = Client()
    sign_in(client, viewer.email)
    give_code(client, attackers[0])
    assert not is_signed_in(client)


def test_remove__recovery_codes_of_another_user__not_found(viewer: User, owner: User) -> None:
    step = give_app(owner)
    give_app(viewer)
    with pytest.raises(Authenticator.DoesNotExist):
        mfa.remove_step(viewer, step.pk)
    assert Authenticator.objects.filter(pk=step.pk).exists()


def test_last_used__after_a_code__is_shown(viewer: User) -> None:
    give_app(viewer)
    client = Client()
    sign_in(client, viewer.email)
    give_code(client, code_at())
    html = client.get(reverse("mfa_index")).content.decode()
    assert "Authenticator app" in html
    used = Authenticator.objects.get().last_used_at
    assert used is not None
    assert timezone.now() - used < timedelta(minutes=1)
    assert re.search(f'used\\s+<time datetime="{re.escape(used.isoformat())}"', html)


def test_nothing_can_be_recorded__app_is_not_set_up(
    viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the record is not writable")

    monkeypatch.setattr("lofty_admin.accounts.mfa.record", refuse)
    with pytest.raises(RuntimeError):
        mfa.add_app(viewer, SECRET, code_at())
    assert not Authenticator.objects.exists()


def test_passkey__without_a_name__recorded_without_a_trailing_space(viewer: User) -> None:
    mfa.add_passkey(viewer, "", {})
    event = AuditEvent.objects.get(kind="mfa.added")
    assert event.content["detail"] == {"what": "passkey"}
