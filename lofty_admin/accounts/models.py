"""A person who signs in with an e-mail address and a password."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from lofty_admin.audit.context import acting_as


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """The person with this e-mail address, in capitals or not. Raises User.DoesNotExist."""
        return self.get(email__iexact=username or "")

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For `manage.py createsuperuser`: goes through the same audited service as all others."""
        from lofty_admin.accounts import commandline, services

        with acting_as(commandline.command_actor("createsuperuser")):
            name = str(fields.get("name", ""))
            return services.add_person(email, name=name, password=password, superuser=True)


class User(AbstractBaseUser, PermissionsMixin):
    """Rights over tenants come from `tenants.Membership`; a superuser has every right."""

    email = models.EmailField("e-mail address", max_length=254)
    name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ["name", "email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="one_person_per_email",
                violation_error_message="Somebody with this e-mail address is here already.",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email
