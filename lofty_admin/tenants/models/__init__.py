"""Tenants, their connections to Lofty, and the roles of users in them."""

from lofty_admin.tenants.models.access import (
    Grant,
    Membership,
    Role,
    group_in_words,
    role_in_words,
)
from lofty_admin.tenants.models.connection import (
    NOT_READ,
    RENEW_BEFORE,
    RENEWING,
    STALE_AFTER,
    WARN_BEFORE,
    Connection,
    ConnectionHealth,
    ConnectionKind,
    Health,
    RateLimit,
    TokenRefresh,
)
from lofty_admin.tenants.models.pending_connection import LONGEST_CONNECTING, PendingConnection
from lofty_admin.tenants.models.recents import Pin, Visit
from lofty_admin.tenants.models.tenant import RESERVED_SLUGS, SLUG, Group, Tenant

__all__ = [
    "LONGEST_CONNECTING",
    "NOT_READ",
    "RENEWING",
    "RENEW_BEFORE",
    "RESERVED_SLUGS",
    "SLUG",
    "STALE_AFTER",
    "WARN_BEFORE",
    "Connection",
    "ConnectionHealth",
    "ConnectionKind",
    "Grant",
    "Group",
    "Health",
    "Membership",
    "PendingConnection",
    "Pin",
    "RateLimit",
    "Role",
    "Tenant",
    "TokenRefresh",
    "Visit",
    "group_in_words",
    "role_in_words",
]
