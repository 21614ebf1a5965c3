"""A practice Lofty with Acme's and Globex's users, as the tenants' tests have it."""

from tests.tenants.conftest import credential, lofty

__all__ = ["credential", "lofty"]
