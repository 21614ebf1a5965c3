"""Invitations: signed, for one use, one address and seven days, and never shown to others."""

import datetime as dt
import logging
import smtplib
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.contrib.sessions.models import Session
from django.core import mail, signing
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from lofty_admin.accounts import invitations, services
from lofty_admin.accounts.invitations import InvitationUnusable
from lofty_admin.accounts.models import Invitation, User
from lofty_admin.audit.context import acting_as, person
from lofty_admin.audit.models import AuditEvent
from tests.support.invitations import CHOSEN, PAGE, accept, code_of
from tests.support.users import make_user, signed_in

EMAIL = "new@example.com"
pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("seq").values_list("kind", flat=True))


@pytest.fixture
def invited() -> User:
    return invitations.invite("New@Example.com", page=PAGE)


def test_invite__mail__says_who_what_until_when_and_for_whom(superuser: User) -> None:
    with acting_as(person(superuser)):
        invitations.invite(EMAIL, page=PAGE)
    (letter,) = mail.outbox
    assert letter.to == [EMAIL]
    assert letter.from_email == "console@testserver"
    text = str(letter.body)
    assert "Rosa Root invites you" in text
    assert f"{PAGE}#" in text
    assert f"only for {EMAIL}" in text
    until = timezone.now() + dt.timedelta(days=7)
    assert f"until {until:%-d %B %Y}" in text
    assert kinds() == ["invitation.sent"]
    assert AuditEvent.objects.get().subject == EMAIL


def test_invite__name_with_line_breaks__stays_one_line(superuser: User) -> None:
    User.objects.filter(pk=superuser.pk).update(name="Rosa\r\nBcc: evil@example.com\r\n")
    superuser.refresh_from_db()
    with acting_as(person(superuser)):
        invitations.invite(EMAIL, page=PAGE)
    assert "Rosa Bcc: evil@example.com invites you" in str(mail.outbox[0].body)
    assert mail.outbox[0].recipients() == [EMAIL]


def test_invited__before_accepting__cannot_sign_in(invited: User) -> None:
    assert not invited.has_usable_password()
    assert not Client().login(email=EMAIL, password="")


def test_accept__right_code__account_works_and_is_recorded(invited: User) -> None:
    html = accept(Client(), code_of())
    assert "Your account is ready" in html
    invited.refresh_from_db()
    assert invited.name == "Nina New"
    assert invited.check_password(CHOSEN)
    event = AuditEvent.objects.latest("seq")
    assert (event.kind, event.actor_id) == ("invitation.accepted", str(invited.pk))
    client = Client()
    client.post(reverse("account_login"), {"login": EMAIL, "password": CHOSEN})
    assert client.get(reverse("fleet:home")).status_code == 200


def test_accept__second_time__refused_and_password_stays(invited: User) -> None:
    accept(Client(), code_of())
    html = accept(Client(), code_of(), password="something else of mine", again="")
    assert "was already used" in html
    invited.refresh_from_db()
    assert invited.check_password(CHOSEN)
    assert kinds()[-1] == "access.refused"


def test_accept__two_browsers_that_opened_it__first_one_wins(invited: User) -> None:
    first, second = Client(), Client()
    for client in (first, second):
        client.post(reverse("accounts:invitation"), {"code": code_of()})
    form = {"name": "Nina", "password": CHOSEN, "again": CHOSEN}
    first.post(reverse("accounts:invitation_accept"), form)
    other = {"name": "Eve", "password": "the words of another user", "again": ""}
    html = second.post(reverse("accounts:invitation_accept"), other, follow=True).content.decode()
    assert "was already used" in html
    invited.refresh_from_db()
    assert invited.name == "Nina"


def test_accept__withdrawn_before_the_lock__refused(invited: User) -> None:
    invitation = invitations.open_by_code(code_of())
    invitations.withdraw(invited)
    with pytest.raises(InvitationUnusable, match="withdrawn"):
        invitations.accept(invitation, name="Nina", password=CHOSEN)
    invited.refresh_from_db()
    assert not invited.has_usable_password()


@pytest.mark.parametrize("days", [7, 8])
def test_accept__seven_days_later__refused(invited: User, days: int) -> None:
    code, later = code_of(), timezone.now() + dt.timedelta(days=days, seconds=2)
    with patch("django.core.signing.time.time", return_value=later.timestamp()):
        assert "older than seven days" in accept(Client(), code)


def test_accept__expired_by_its_row__refused(invited: User) -> None:
    old = timezone.now() - Invitation.LIFETIME
    Invitation.objects.update(made_at=old)
    assert "has expired" in accept(Client(), code_of())


def test_accept__opened_in_time_but_late__refused(invited: User) -> None:
    client = Client()
    client.post(reverse("accounts:invitation"), {"code": code_of()})
    Invitation.objects.update(made_at=timezone.now() - Invitation.LIFETIME)
    answer = client.get(reverse("accounts:invitation_accept"), follow=True)
    assert "has expired" in answer.content.decode()


@pytest.mark.parametrize("spoil", ["cut", "changed", "other_salt", "empty", "nonsense"])
def test_accept__code_not_ours__refused_without_a_record(invited: User, spoil: str) -> None:
    code = code_of()
    pk = Invitation.objects.get().pk
    spoiled = {
        "cut": code[:-1],
        "changed": ("A" if code[0] != "A" else "B") + code[1:],
        "other_salt": signing.dumps({"invitation": str(pk), "email": EMAIL}),
        "empty": " ",
        "nonsense": "<script>alert(1)</script>",
    }[spoil]
    html = accept(Client(), spoiled)
    assert "Create your account" not in html
    assert "<script>alert" not in html
    assert kinds() == ["invitation.sent"]


def test_accept__address_changed_since__refused(invited: User) -> None:
    User.objects.filter(pk=invited.pk).update(email="moved@example.com")
    assert "for another e-mail address" in accept(Client(), code_of())


def test_accept__without_the_code__asks_for_it(invited: User) -> None:
    answer = Client().get(reverse("accounts:invitation_accept"))
    assert answer.headers["Location"] == reverse("accounts:invitation")
    answer = Client().post(reverse("accounts:invitation_accept"), {"name": "x", "password": CHOSEN})
    assert answer.headers["Location"] == reverse("accounts:invitation")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"password": "short", "again": "short"}, "too short"),
        ({"password": "123456789123456789", "again": "123456789123456789"}, "common passwords"),
        ({"again": "something else entirely"}, "The two passwords don&#x27;t match"),
        ({"password": "new@example.com", "again": "new@example.com"}, "too similar"),
        ({"name": "   "}, "required"),
    ],
)
def test_accept__weak_or_wrong__says_so_and_can_be_tried_again(
    invited: User, data: dict[str, str], words: str
) -> None:
    client = Client()
    html = accept(client, code_of(), **data)
    assert words in html
    assert not [value for key, value in data.items() if key != "name" and f'"{value}"' in html]
    invited.refresh_from_db()
    assert not invited.has_usable_password()
    assert "Your account is ready" in accept(client, code_of())


def test_accept__other_names_in_the_post__change_nothing(invited: User, superuser: User) -> None:
    more = {"email": "evil@example.com", "is_superuser": "1", "user": str(superuser.pk)}
    accept(Client(), code_of(), **more)
    invited.refresh_from_db()
    assert (invited.email, invited.is_superuser) == (EMAIL, False)


def test_invite__address_taken__refused(invited: User, superuser: User) -> None:
    for email in (EMAIL, superuser.email.upper()):
        with pytest.raises(ValidationError, match="Another user already has this e-mail address"):
            invitations.invite(email, page=PAGE)
    assert len(mail.outbox) == 1


def test_invite_again__new_link_works_and_the_old_one_does_not(invited: User) -> None:
    invitations.invite_again(invited, page=PAGE)
    assert "replaced by a newer one" in accept(Client(), code_of(0))
    assert "Your account is ready" in accept(Client(), code_of(1))
    with pytest.raises(ValidationError, match="can't be invited"):
        invitations.invite_again(invited, page=PAGE)


def test_withdraw__open_link__stops_working_and_user_is_deactivated(invited: User) -> None:
    invitations.withdraw(invited)
    assert "was withdrawn" in accept(Client(), code_of())
    invited.refresh_from_db()
    assert not invited.is_active
    with pytest.raises(ValidationError, match="no open invitation"):
        invitations.withdraw(invited)
    services.reactivate_person(invited)
    invitations.invite_again(invited, page=PAGE)
    assert "Your account is ready" in accept(Client(), code_of())


def test_invited_user__deactivated_or_given_a_password__open_link_stops_working(
    invited: User,
) -> None:
    services.set_password(invited, "a password from the command line")
    assert "no longer needed" in accept(Client(), code_of())
    other = invitations.invite("other@example.com", page=PAGE)
    services.deactivate_person(other)
    assert "was withdrawn" in accept(Client(), code_of())


def test_invite__mail_server_down__person_is_there_and_can_be_sent_again() -> None:
    with (
        patch("smtplib.SMTP", side_effect=smtplib.SMTPConnectError(421, "hunter2")),
        pytest.raises(invitations.MailDeliveryError, match="Send it again"),
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(
            "django.conf.settings.EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend"
        )
        invitations.invite(EMAIL, page=PAGE)
    assert Invitation.objects.get().mailed_at is None
    invitations.invite_again(User.objects.get(email=EMAIL), page=PAGE)
    assert Invitation.objects.get(ended_at=None).mailed_at


def test_invite__would_be_printed_outside_the_demo__not_sent(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    settings.DEMO = False
    with pytest.raises(invitations.MailDeliveryError, match="EMAIL_URL"):
        invitations.invite(EMAIL, page=PAGE)
    assert capsys.readouterr().out == ""


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_code__from_invitation_to_acceptance__is_only_in_the_mail(
    superuser: User, everything_logged: pytest.LogCaptureFixture
) -> None:
    """Reliability S9, for the link: logs at DEBUG, audit log, sessions, pages, addresses."""
    with acting_as(person(superuser)):
        user = invitations.invite(EMAIL, page=PAGE)
    code, client, seen = code_of(), Client(), []
    for spoiled in (code + "x", code):
        answer = client.post(reverse("accounts:invitation"), {"code": spoiled}, follow=True)
        seen += [answer.content.decode(), *(url for url, _ in answer.redirect_chain)]
    weak = {"name": "Nina", "password": "hunter2-secret", "again": "hunter2-secret"}
    seen.append(client.post(reverse("accounts:invitation_accept"), weak).content.decode())
    seen.append(accept(client, code))
    seen.append(accept(client, code))
    seen += [event.body for event in AuditEvent.objects.all()]
    seen += [str(session.get_decoded()) for session in Session.objects.all()]
    seen += [str(vars(record)) for record in everything_logged.records if "mail" not in record.name]
    seen += [str(list(Invitation.objects.values())), everything_logged.text]
    signature = code.rsplit(":", 1)[1]
    for secret in (code, signature, "hunter2-secret", CHOSEN):
        assert not [text for text in seen if secret in text]
    assert user.invitations.count() == 1


def test_page__signed_in_as_another_user__names_the_invited_one(invited: User) -> None:
    client = signed_in(make_user("here@example.com", "Here Already"))
    answer = client.post(reverse("accounts:invitation"), {"code": code_of()}, follow=True)
    assert "You are signed in as here@example.com" in answer.content.decode()


# --- users, apart from invitations ---------------------------------------------------------------
def test_reactivate__deactivated_user__in_again_and_recorded(viewer: User) -> None:
    services.deactivate_person(viewer)
    services.reactivate_person(viewer)
    assert signed_in(viewer).get("/").status_code == 200
    assert kinds() == ["person.deactivated", "person.reactivated"]
    with pytest.raises(ValidationError, match="not deactivated"):
        services.reactivate_person(viewer)


def test_superuser_flag__given_and_taken__recorded_before_and_after(
    viewer: User, superuser: User
) -> None:
    services.set_superuser(viewer, True)
    services.set_superuser(viewer, False)
    events = [event.content for event in AuditEvent.objects.order_by("seq")]
    assert [(one["before"], one["after"]) for one in events] == [
        ({"superuser": False}, {"superuser": True}),
        ({"superuser": True}, {"superuser": False}),
    ]
    with pytest.raises(ValidationError, match="Nothing was changed"):
        services.set_superuser(viewer, False)


def test_last_superuser__demoted_or_deactivated__refused(superuser: User) -> None:
    with pytest.raises(ValidationError, match="last superuser"):
        services.set_superuser(superuser, False)
    with pytest.raises(ValidationError, match="last superuser"):
        services.deactivate_person(superuser)
    superuser.refresh_from_db()
    assert (superuser.is_superuser, superuser.is_active) == (True, True)
    assert kinds() == []


def test_last_superuser__another_one_only_invited__still_the_last(superuser: User) -> None:
    services.set_superuser(invitations.invite(EMAIL, page=PAGE), True)
    with pytest.raises(ValidationError, match="last superuser"):
        services.deactivate_person(superuser)
    accept(Client(), code_of())
    services.deactivate_person(superuser)
    assert not superuser.is_active


def test_own_account__demoted_or_deactivated__refused(superuser: User) -> None:
    make_user("second@example.com", "Second Root", superuser=True)
    with acting_as(person(superuser)):
        with pytest.raises(ValidationError, match="to your own account"):
            services.set_superuser(superuser, False)
        with pytest.raises(ValidationError, match="to your own account"):
            services.deactivate_person(superuser)
    assert kinds() == []


def test_invite__page_in_spanish__mail_too_and_the_record_stays_english(superuser: User) -> None:
    with override("es"), acting_as(person(superuser)):
        user = invitations.invite(EMAIL, page=PAGE)
        invitations.withdraw(user)
        with pytest.raises(InvitationUnusable, match="La invitación se retiró"):
            invitations.open_by_code(code_of())
    assert mail.outbox[-1].subject == "Tu invitación a la Sales Agent console"
    assert "Rosa Root te invita" in mail.outbox[-1].body
    event = AuditEvent.objects.order_by("seq").last()
    assert event
    assert event.content["detail"] == {"because": "The invitation was withdrawn."}
