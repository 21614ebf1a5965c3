"""Acme with a directory at the practice Lofty, as in the tests of the names."""

from tests.directory.conftest import connect

__all__ = ["connect"]
