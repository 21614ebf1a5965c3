"""An identity provider on loopback."""

from tests.support.single_sign_on import provider

__all__ = ["provider"]
