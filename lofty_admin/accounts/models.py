"""A person who signs in with an e-mail address and a password, and how they are invited."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from lofty_admin.audit.context import acting_as
from lofty_admin.searching import FoldedField


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """The person with this e-mail address, in capitals or not. Raises User.DoesNotExist."""
        return self.get(email__iexact=username or "")

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For `manage.py createsuperuser`: goes through the same audited service as all others."""
        from lofty_admin.accounts import services
        from lofty_admin.audit import commandline

        with acting_as(commandline.command_actor("createsuperuser")):
            name = str(fields.get("name", ""))
            return services.add_person(email, name=name, password=password, superuser=True)


class User(AbstractBaseUser, PermissionsMixin):
    """Rights over tenants come from `tenants.Membership` and `tenants.Grant`; a superuser has
    every right."""

    email = models.EmailField(_("e-mail address"), max_length=254)
    name = models.CharField(max_length=150)
    folded = FoldedField(of=("name", "email"))
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["folded"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="one_person_per_email",
                violation_error_message=_("Somebody with this e-mail address is here already."),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email


class Invitation(models.Model):
    """A link by mail with which a person chooses their password: `invitations.py` has its rules.

    A person has at most one that is open. `mailed_at` is None while no mail server has taken it.
    """

    class Ending(models.TextChoices):
        ACCEPTED = "accepted", _("was used already")
        WITHDRAWN = "withdrawn", _("was withdrawn")
        REPLACED = "replaced", _("was replaced by a newer one")
        NOT_NEEDED = "not_needed", _("is not needed any more")

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
        """End the open one, if there is one; whether there was."""
        still_open = cls.objects.filter(user=user, ended_at=None)
        return bool(still_open.update(ended_at=timezone.now(), ending=ending))

    @property
    def expires_at(self) -> dt.datetime:
        return self.made_at + self.LIFETIME

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def is_usable(self) -> bool:
        return not self.ended_at and not self.is_expired and self.user.is_active

    @property
    def why_not(self) -> str | Promise:
        """Why it is not usable, in a sentence of whichever language is then active."""
        if self.ended_at:
            why = self.Ending(self.ending).label
        else:
            why = _("has expired") if self.is_expired else _("is for a deactivated account")
        return format_lazy(_("The invitation {why}."), why=why)
