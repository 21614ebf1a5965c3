"""Invite users by mail: a signed link, valid once, for seven days, for one address.

The link's code is a secret. It is in the mail only: the database knows which invitation is open,
not its code, and the code comes after the `#` of the link, which browsers do not send.
"""

import logging
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from lofty_admin.accounts import services
from lofty_admin.accounts.identity import canonical_email, check_email, check_name
from lofty_admin.accounts.models import Invitation, User
from lofty_admin.audit.context import current_actor, person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record

_log = logging.getLogger(__name__)
_SALT = "lofty_admin.accounts.invitations"
_CONSOLE = "django.core.mail.backends.console.EmailBackend"
_SUBJECT = gettext_lazy("Your invitation to the Sales Agent console")
_TEXT = gettext_lazy("""Hello,

%(who)s invites you to the Sales Agent console.

Open this link and choose your name and a password:

%(page)s#%(code)s

It works once, until %(until)s UTC, and only for %(email)s. If the page asks
for a code, copy everything after the # in the link.

Don't share this link. If you did not expect this e-mail, delete it. Without the link,
no one can sign in as you.
""")


class InvitationUnusable(Exception):
    """The invitation is not valid, or no longer valid. The text may be shown."""


class MailDeliveryError(Exception):
    """The invitation is stored, but its mail could not be sent. The text may be shown."""


def invite(email: str, *, page: str) -> User:
    """Add a user, who can sign in after choosing a password on `page` (its full address).

    Raises ValidationError when the address is taken or invalid, and MailDeliveryError.
    """
    check_email(email)
    user = User(email=canonical_email(email))
    user.set_unusable_password()
    user.full_clean(exclude=["name"])
    with transaction.atomic():
        user.save()
        invitation = _store(user)
        record(Kind.INVITATION_SENT, subject=user.email, outcome=Outcome.DONE)
    _mail(invitation, page)
    return user


def invite_again(user: User, *, page: str) -> None:
    """Send a new link and end the previous one. Raises ValidationError and MailDeliveryError."""
    with transaction.atomic():
        row = _locked(user)
        if not row.is_active or has_come_in(row):
            message = _("%(person)s can't be invited. Reload the page.")
            raise ValidationError(message % {"person": user})
        Invitation.end(user, Invitation.Ending.REPLACED)
        invitation = _store(user)
        record(Kind.INVITATION_SENT, subject=user.email, outcome=Outcome.DONE)
    _mail(invitation, page)


def withdraw(user: User) -> None:
    """End the open invitation and keep the user out.

    Raises ValidationError if there is none, or if the user has signed in: then deactivate them like
    any other user.
    """
    services.refuse_oneself(user)
    with services.keep_a_superuser():
        row = _locked(user)
        if has_come_in(row):
            message = _("%(person)s has already signed in. Deactivate the account instead.")
            raise ValidationError(message % {"person": user})
        if not Invitation.end(user, Invitation.Ending.WITHDRAWN):
            raise ValidationError(_("%(person)s has no open invitation.") % {"person": user})
        User.objects.filter(pk=user.pk).update(is_active=False)
        record(Kind.INVITATION_WITHDRAWN, subject=user.email, outcome=Outcome.DONE)


def has_come_in(user: User) -> bool:
    """Return whether this user has signed in or can sign in: then an invitation is useless."""
    return bool(user.last_login) or user.has_usable_password()


def open_by_code(code: str) -> Invitation:
    """Return the open invitation for a link's code, or record and raise InvitationUnusable."""
    try:
        content = signing.loads(code.strip(), salt=_SALT, max_age=Invitation.LIFETIME)
    except signing.SignatureExpired:
        older = gettext_lazy("The invitation is older than seven days.")
        raise _refused("", older) from None
    except signing.BadSignature:
        # Not recorded: any visitor could fill the log with it.
        raise InvitationUnusable(
            _("This isn't an invitation code. Copy it again from the e-mail.")
        ) from None
    return find_open(UUID(content["invitation"]), content["email"])


def find_open(pk: UUID, email: str | None = None) -> Invitation:
    """Return the invitation if still valid, for `email` if given. Raises InvitationUnusable."""
    invitation = Invitation.objects.select_related("user").filter(pk=pk).first()
    if invitation is None or invitation.user.email != (email or invitation.email):
        another = gettext_lazy("The invitation is for another e-mail address.")
        raise _refused(email or "", another)
    if not invitation.is_usable:
        raise _refused(invitation.email, invitation.why_not)
    return invitation


def accept(invitation: Invitation, *, name: str, password: str) -> User:
    """Give the invited user a name and a password.

    Raises ValidationError and InvitationUnusable.
    """
    with transaction.atomic():
        user = _locked(invitation.user)
        row = Invitation.objects.get(pk=invitation.pk)
        row.user = user
        if not row.is_usable or has_come_in(user):
            raise InvitationUnusable(str(row.why_not))
        check_name(name)
        user.name = name.strip()
        user.give_password(password)
        user.full_clean()
        user.save(update_fields=["name", "folded", "password"])
        Invitation.end(user, Invitation.Ending.ACCEPTED)
        record(
            Kind.INVITATION_ACCEPTED,
            subject=user.email,
            outcome=Outcome.DONE,
            actor=person(user),
            after={"name": user.name},
        )
    return user


def _locked(user: User) -> User:
    """Lock the user first, then the invitation, so that concurrent changes wait for each other."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _store(user: User) -> Invitation:
    return Invitation.objects.create(user=user, email=user.email)


def _mail(invitation: Invitation, page: str) -> None:
    if settings.EMAIL_BACKEND == _CONSOLE and not settings.DEMO:
        # It would print the link, and printed output ends up in a log.
        message = _("No mail server is configured. Set EMAIL_URL, then send the e-mail again.")
        raise MailDeliveryError(message)
    content = {"invitation": str(invitation.pk), "email": invitation.email}
    text = _TEXT % {
        "who": " ".join(current_actor().name.split()) or _("An administrator"),
        "page": page,
        "code": signing.dumps(content, salt=_SALT),
        "until": date_format(invitation.expires_at, "j F Y, H:i"),
        "email": invitation.email,
    }
    try:
        send_mail(str(_SUBJECT), text, None, [invitation.email])
    except OSError as error:  # smtplib's errors are OSErrors
        _log.warning("An invitation could not be mailed: %s", type(error).__name__)
        message = _("The mail server did not accept the e-mail. Send it again later.")
        raise MailDeliveryError(message) from None
    Invitation.objects.filter(pk=invitation.pk).update(mailed_at=timezone.now())


def _refused(email: str, reason: str | Promise) -> InvitationUnusable:
    with override("en"):
        because = str(reason)
    record(
        Kind.ACCESS_REFUSED,
        subject=email or "an invitation",
        outcome=Outcome.REFUSED,
        detail={"because": because},
    )
    return InvitationUnusable(
        _("%(reason)s Ask the user who invited you for a new one.") % {"reason": reason}
    )
