"""What can be done to a person. Each change and its record stand or fall together."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.record import record


def add_person(email: str, *, name: str, password: str | None, superuser: bool = False) -> User:
    """Add somebody who may sign in; without a password only after `set_password`.

    Raises ValidationError, in words for people, when the address is taken or no address, when the
    name is empty, or when the password is too weak.
    """
    user = User(email=email.strip().lower(), name=name.strip(), is_superuser=superuser)
    _give_password(user, password)
    user.full_clean()
    with transaction.atomic():
        user.save()
        record(
            Kind.PERSON_ADDED,
            subject=user.email,
            outcome=Outcome.DONE,
            after={"email": user.email, "name": user.name, "superuser": superuser},
        )
    return user


def set_password(user: User, password: str) -> None:
    """Give a person a new password; their sessions end. Raises ValidationError for a weak one."""
    _give_password(user, password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        record(Kind.PASSWORD_CHANGED, subject=user.email, outcome=Outcome.DONE)


def deactivate_person(user: User) -> None:
    """Keep a person out from their next request on; nothing is deleted.

    Raises ValidationError for the last superuser, without whom nobody could let anybody in.
    """
    with transaction.atomic():
        superusers = list(
            User.objects.select_for_update()
            .filter(is_superuser=True, is_active=True)
            .order_by("pk")
        )
        if [one.pk for one in superusers] == [user.pk]:
            raise ValidationError("This is the last superuser. Add another one first.")
        changed = User.objects.filter(pk=user.pk, is_active=True).update(is_active=False)
        if changed:
            record(Kind.PERSON_DEACTIVATED, subject=user.email, outcome=Outcome.DONE)
    user.is_active = False


def _give_password(user: User, password: str | None) -> None:
    if password is not None:
        validate_password(password, user)
    user.set_password(password)
