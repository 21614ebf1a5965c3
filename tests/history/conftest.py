"""Acme with its Sales Agent at the practice Lofty, as in the tests of the settings."""

from tests.agentsettings.conftest import lofty

__all__ = ["lofty"]
