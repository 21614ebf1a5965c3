"""A practice Lofty with Acme's and Globex's users, as the tenants' tests have it."""

from tests.tenants.conftest import connection, lofty

__all__ = ["connection", "lofty"]
