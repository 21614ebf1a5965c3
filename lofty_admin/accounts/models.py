"""Users, who sign in with an e-mail address and a password, and their invitations."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from lofty_admin.accounts.identity import canonical_email, check_email, check_name, is_storable
from lofty_admin.accounts.passwords import check_password_rules, normalize, spellings
from lofty_admin.audit.commandline import command_actor
from lofty_admin.audit.context import acting_as
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core import clocks
from lofty_admin.core.searching import FoldedField


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail address, in any case. Raises User.DoesNotExist."""
        user = self.find_by_email(username or "")
        if user is None:
            raise self.model.DoesNotExist
        return user

    def find_by_email(self, email: str) -> "User | None":
        """Return the user whose address has the same canonical form, or None.

        Look up addresses only this way: `iexact` would match look-alikes.
        """
        return self.with_email(email).first()

    def with_email(self, email: str) -> "models.QuerySet[User]":
        """Filter to the user with this address: at most one."""
        if not is_storable(email):
            return self.none()
        return self.filter(email_canonical=canonical_email(email))

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a superuser, for `manage.py createsuperuser`."""
        with acting_as(command_actor("createsuperuser")):
            name = str(fields.get("name", ""))
            return self.add_person(email, name=name, password=password, superuser=True)

    def add_person(
        self, email: str, *, name: str, password: str | None, superuser: bool = False
    ) -> "User":
        """Add a user and record it; one without a password cannot sign in with one.

        Raises ValidationError, in words for users, when the address is taken or invalid, when the
        name is empty, or when the password is too weak.
        """
        check_email(email)
        check_name(name)
        user = self.model(email=canonical_email(email), name=name.strip(), is_superuser=superuser)
        user.give_password(password)
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


class CanonicalEmailField(models.TextField):  # type: ignore[type-arg]
    """Store the canonical form of `email`, updated whenever the user is saved."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        canonical = canonical_email(getattr(model_instance, "email"))  # noqa: B009 - any model
        setattr(model_instance, self.attname, canonical)
        return canonical


class User(AbstractBaseUser, PermissionsMixin):
    """A user of the console.

    Rights over tenants come from `tenants.Membership` and `tenants.Grant`; a superuser has every
    right.
    """

    email = models.EmailField(_("e-mail address"), max_length=254)
    email_canonical = CanonicalEmailField(editable=False)
    name = models.CharField(max_length=150)
    folded = FoldedField(of=("name", "email"))
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    # Incremented to end every session and every unfinished sign-in of this user at once.
    session_version = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["folded"]
        constraints = [
            models.UniqueConstraint(
                fields=["email_canonical"],
                name="one_person_per_email",
                violation_error_message=_("Another user already has this e-mail address."),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        super().clean()
        self.email_canonical = canonical_email(self.email)  # for the check that it is unique

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(None if raw_password is None else normalize(raw_password))

    def give_password(self, password: str | None) -> None:
        """Set the password without saving it.

        Raises ValidationError for a weak one; None makes a password that no one can sign in with.
        """
        if password is not None:
            check_password_rules(password, self)
        self.set_password(password)

    def check_password(self, raw_password: str) -> bool:
        check = super().check_password
        return any(check(spelling) for spelling in spellings(raw_password))

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Include the session version in what a session must match, next to the password's hash."""
        bound = f"{self.password}:{self.session_version}" if self.session_version else self.password
        salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
        return salted_hmac(salt, bound, secret=secret, algorithm="sha256").hexdigest()


class Invitation(models.Model):
    """A link by mail with which a user chooses their password: `invitations.py` has its rules.

    A user has at most one that is open. `mailed_at` is None while no mail server has taken it.
    """

    class Ending(models.TextChoices):
        ACCEPTED = "accepted", _("was already used")
        WITHDRAWN = "withdrawn", _("was withdrawn")
        REPLACED = "replaced", _("was replaced by a newer one")
        NOT_NEEDED = "not_needed", _("is no longer needed")

    LIFETIME = dt.timedelta(days=7)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    made_at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=10, choices=Ending, blank=True)

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(ended_at=None),
                name="one_open_invitation_per_person",
            ),
        ]

    def __str__(self) -> str:
        return f"Invitation of {self.email}"

    @classmethod
    def end(cls, user: User, ending: Ending) -> bool:
        """End the open invitation, if there is one; return whether there was one."""
        still_open = cls.objects.filter(user=user, ended_at=None)
        return bool(still_open.update(ended_at=timezone.now(), ending=ending))

    @property
    def expires_at(self) -> dt.datetime:
        return self.made_at + self.LIFETIME

    @property
    def is_expired(self) -> bool:
        return not clocks.is_recent(self.made_at, timezone.now(), self.LIFETIME)

    @property
    def is_usable(self) -> bool:
        return not self.ended_at and not self.is_expired and self.user.is_active

    @property
    def why_not(self) -> str | Promise:
        """Return why it is not valid, as a sentence in the active language."""
        if self.ended_at:
            why = self.Ending(self.ending).label
        else:
            why = _("has expired") if self.is_expired else _("is for a deactivated account")
        return format_lazy(_("The invitation {why}."), why=why)


class SignInAttempt(models.Model):
    """A password or code that failed, or is being checked: `throttle.py` counts them.

    key: a digest of the limit's key.
    """

    key = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    is_failed = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["key", "at"])]

    def __str__(self) -> str:
        return f"{'Failed' if self.is_failed else 'Open'} at {self.at:%H:%M:%S}"


class UnsentForm(models.Model):
    """A form that could not be sent, with what the user typed: `unsent.py` has the rules.

    `browser` is the digest of a cookie, so that only the browser it came from can open it.
    """

    LIFETIME = dt.timedelta(hours=1)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    browser = models.CharField(max_length=64)
    sealed = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    version = 1  # sealed once and never changed

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Unsent form of {self.user_id}"

    @classmethod
    def oldest(cls) -> dt.datetime:
        """Return the time before which no form is kept."""
        return timezone.now() - cls.LIFETIME
