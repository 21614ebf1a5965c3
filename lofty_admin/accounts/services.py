"""Change users. Each change and its record are made in one transaction.

`User.objects.add_person` adds one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from lofty_admin.accounts.models import Invitation, User
from lofty_admin.accounts.sessions import end_everything
from lofty_admin.audit.context import is_acting
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record

REFUSED_BY_PROVIDER = "refused"  # in SocialAccount.extra_data, after the last try was refused


def set_password(user: User, password: str) -> None:
    """Set a user's password and end their sessions. Raises ValidationError for a weak one."""
    user.give_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        end_everything(user)
        Invitation.end(user, Invitation.Ending.NOT_NEEDED)
        record(Kind.PASSWORD_CHANGED, subject=user.email, outcome=Outcome.DONE)


def deactivate_person(user: User) -> None:
    """Block a user from their next request on, and end an open invitation; delete nothing.

    Raises ValidationError for oneself and for the last superuser, without whom no one could give
    access to anyone.
    """
    refuse_oneself(user)
    with keep_a_superuser():
        changed = User.objects.filter(pk=user.pk, is_active=True).update(is_active=False)
        if changed:
            Invitation.end(user, Invitation.Ending.WITHDRAWN)
            end_everything(user)
            record(Kind.PERSON_DEACTIVATED, subject=user.email, outcome=Outcome.DONE)
    user.is_active = False


def reactivate_person(user: User) -> None:
    """Let a deactivated user in again, with the rights they had.

    Raises ValidationError for a user who is not deactivated.
    """
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            raise ValidationError(_("%(person)s is not deactivated.") % {"person": user})
        record(Kind.PERSON_REACTIVATED, subject=user.email, outcome=Outcome.DONE)
    user.is_active = True


def set_superuser(user: User, superuser: bool) -> None:
    """Make a user a superuser or an ordinary user again.

    Raises ValidationError for oneself, the last superuser, a deactivated user, and when the user
    has that status already.
    """
    refuse_oneself(user)
    with keep_a_superuser():
        changed = User.objects.filter(
            pk=user.pk, is_superuser=not superuser, is_active=True
        ).update(is_superuser=superuser)
        if not changed:
            message = _("Nothing was changed for %(person)s. Reload the page.")
            raise ValidationError(message % {"person": user})
        record(
            Kind.PERSON_CHANGED,
            subject=user.email,
            outcome=Outcome.DONE,
            before={"superuser": not superuser},
            after={"superuser": superuser},
        )
    user.is_superuser = superuser


def has_no_users() -> bool:
    """Return whether no user was ever added: then no one can sign in or invite users."""
    return not User.objects.exists()


def working_superusers() -> QuerySet[User]:
    """Return superusers who can sign in today: active, with a password, passkey or SSO.

    Single sign-on counts once it was used, until the provider refuses the user.
    """
    has_password = ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) & ~Q(password="")
    passkeys = Authenticator.objects.filter(
        user=OuterRef("pk"), type=Authenticator.Type.WEBAUTHN.value
    )
    can_sign_in = has_password | Q(Exists(passkeys))
    if settings.SINGLE_SIGN_ON is not None:
        accounts = SocialAccount.objects.filter(
            user=OuterRef("pk"), provider=settings.SINGLE_SIGN_ON.issuer
        ).exclude(extra_data__has_key=REFUSED_BY_PROVIDER)
        can_sign_in |= Q(Exists(accounts))
    return User.objects.filter(can_sign_in, is_superuser=True, is_active=True)


@contextmanager
def keep_a_superuser() -> Iterator[None]:
    """Run a transaction that rolls back if it leaves no superuser who can sign in.

    Raises ValidationError then. Two superusers who revoke each other's status at once wait here for
    each other.
    """
    with transaction.atomic():
        locked = list(
            working_superusers().select_for_update(no_key=True, of=("self",)).order_by("pk")
        )
        yield
        if locked and not working_superusers().exists():
            raise ValidationError(
                _(
                    "This is the last superuser who can sign in. Nothing was changed. Add another"
                    " superuser first."
                )
            )


def refuse_oneself(user: User) -> None:
    """Raise ValidationError if `user` is the one who acts."""
    if is_acting(user):
        raise ValidationError(_("You can't do this to your own account. Ask another superuser."))
