"""Who may do what: a role in one tenant, or rights in many."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lofty_admin.tenants.models.tenant import Group, Tenant


class Role(models.IntegerChoices):
    """Each role includes the permissions of the ones before it.

    `label` is for pages, in their language; the audit record has the `name`.
    """

    VIEWER = 10, _("Viewer")
    EDITOR = 20, _("Editor")
    MANAGER = 30, _("Manager")


class Membership(models.Model):
    """A user's role in one tenant."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-role", "user__folded"]
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_role_per_person"),
            models.CheckConstraint(
                condition=models.Q(role__in=[10, 20, 30]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {Role(self.role).label.lower()} of {self.tenant}"

    @property
    def level(self) -> str:
        """Return the role as forms send it."""
        return str(self.role)


class GrantQuerySet(models.QuerySet["Grant"]):
    def covering(self, tenant: Tenant) -> "GrantQuerySet":
        """Return the grants that cover `tenant`: its own, its groups', and those for all."""
        return self.filter(
            models.Q(tenant=tenant)
            | models.Q(group__in=tenant.groups.all())
            | models.Q(tenant=None, group=None)
        )


class Grant(models.Model):
    """A user's rights beyond single memberships; `permissions.py` computes the effective role.

    Covers a group of tenants, all tenants (neither group nor tenant), or one tenant, and then only
    as a denial. `role` None is a denial, which overrides every role.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants"
    )
    group = models.ForeignKey(Group, null=True, on_delete=models.PROTECT, related_name="grants")
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="denials")
    role = models.PositiveSmallIntegerField(choices=Role, null=True)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["tenant__folded", "group__folded", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "group"], name="one_grant_per_group"),
            models.UniqueConstraint(fields=["user", "tenant"], name="one_denial_per_tenant"),
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(group=None, tenant=None),
                name="one_grant_for_all_tenants",
            ),
            models.CheckConstraint(
                condition=models.Q(role=None) | models.Q(role__in=[10, 20, 30]),
                name="grant_role_known",
            ),
            models.CheckConstraint(
                condition=models.Q(tenant=None) | models.Q(group=None, role=None),
                name="grant_speaks_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.in_words}"

    @property
    def denies(self) -> bool:
        return self.role is None

    @property
    def level(self) -> str:
        """Return the level as forms send it."""
        return "denied" if self.role is None else str(self.role)

    @property
    def in_words(self) -> str:
        """Return the grant in words, such as "Viewer of the group West" or "Denied: Acme"."""
        if self.role is None:
            return gettext("Denied: %(place)s") % {"place": self.where}
        return role_in_words(Role(self.role), self.where)

    @property
    def where(self) -> str:
        return self.tenant.name if self.tenant else group_in_words(self.group)


def role_in_words(role: Role, place: str) -> str:
    """Return role and place in the language of the page."""
    return gettext("%(role)s of %(place)s") % {"role": role.label, "place": place}


def group_in_words(group: Group | None) -> str:
    """Return the group, or without one all tenants, as a place in the language of the page."""
    if group is None:
        return gettext("all tenants")
    return gettext("the group %(name)s") % {"name": group.name}
