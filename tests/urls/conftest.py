"""Acme and Globex with one of everything, for the tests that walk the URLconf."""

from tests.support.world import world, world_of_all

__all__ = ["world", "world_of_all"]
