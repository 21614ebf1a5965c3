"""User list with status and roles."""

from collections import defaultdict
from collections.abc import Collection, Iterator

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery, TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from lofty_admin.accounts.models import Invitation, User
from lofty_admin.core.searching import mentioning
from lofty_admin.tenants.models import Grant, Membership, Role, role_in_words

AT_MOST = 3  # denied tenants that are listed by name


class PersonState(TextChoices):
    ACTIVE = "active", gettext_lazy("Active")
    INVITED = "invited", gettext_lazy("Invited")
    EXPIRED = "expired", gettext_lazy("Invitation expired")
    DEACTIVATED = "deactivated", gettext_lazy("Deactivated")


def all_users() -> QuerySet[User]:
    """Return all users by name.

    `invited_at` is when a user's open invitation was made, or None.
    """
    still_open = Invitation.objects.filter(user=OuterRef("pk"), ended_at=None).order_by()
    return User.objects.annotate(invited_at=Subquery(still_open.values("made_at")[:1]))


def find(*, text: str, state: str) -> QuerySet[User]:
    """Return the users with `text` in name or address.

    `state` is "", a PersonState, or "superuser".
    """
    people = mentioning(all_users(), text, "folded")
    return people.filter(_in_state(state)) if state else people


def state_of(user: User) -> PersonState:
    """Return the state of a user loaded by `all_users()`."""
    if not user.is_active:
        return PersonState.DEACTIVATED
    invited_at = getattr(user, "invited_at", None)
    if invited_at is None:
        return PersonState.ACTIVE
    expired = invited_at + Invitation.LIFETIME <= timezone.now()
    return PersonState.EXPIRED if expired else PersonState.INVITED


def roles_in_words(users: Collection[User]) -> dict[int, list[str]]:
    """Return the roles of each of `users` in words, by id, the widest first. Two queries.

    Examples: "Superuser", "Editor of the group West", "Viewer of 14 tenants", "Denied: Acme".
    """
    words: dict[int, list[str]] = {user.pk: [] for user in users}
    for user in users:
        if user.is_superuser:
            words[user.pk].append(_("Superuser"))
    grants = Grant.objects.filter(user__in=users).select_related("group", "tenant")
    denied: defaultdict[int, list[str]] = defaultdict(list)
    for grant in sorted(grants, key=lambda one: (one.group_id is not None, one.where)):
        if grant.denies:
            denied[grant.user_id].append(grant.where)
        else:
            words[grant.user_id].append(grant.in_words)
    for user_id, line in _single_roles(users):
        words[user_id].append(line)
    for user_id, places in denied.items():
        words[user_id].append(_denied_in_words(places))
    return words


def _in_state(state: str) -> Q:
    if state == "superuser":
        return Q(is_superuser=True)
    oldest = timezone.now() - Invitation.LIFETIME
    return {
        PersonState.ACTIVE: Q(is_active=True, invited_at=None),
        PersonState.INVITED: Q(is_active=True, invited_at__gt=oldest),
        PersonState.EXPIRED: Q(is_active=True, invited_at__lte=oldest),
    }.get(PersonState(state), Q(is_active=False))


def _single_roles(users: Collection[User]) -> Iterator[tuple[int, str]]:
    counted = (
        Membership.objects.filter(user__in=users)
        .order_by("-role")
        .values_list("user", "role")
        .annotate(many=Count("pk"), one=Min("tenant__name"))
    )
    for user_id, role, many, one in counted:
        place = ngettext("%(many)s tenant", "%(many)s tenants", many) % {"many": many}
        yield user_id, role_in_words(Role(role), one if many == 1 else place)


def _denied_in_words(places: list[str]) -> str:
    if len(places) <= AT_MOST:
        return _("Denied: %(place)s") % {"place": ", ".join(places)}
    words = {"places": ", ".join(places[:AT_MOST]), "more": len(places) - AT_MOST}
    return _("Denied: %(places)s and %(more)s more") % words
