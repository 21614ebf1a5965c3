"""Fresh keys for the vault."""

import dataclasses
import os

from pytest_django import Settings

from lofty_admin.core.environment import KeyRing


def new_key(settings: Settings, *, keep_old: bool = True) -> None:
    ring = settings.ENVIRONMENT.vault_keys
    old = ring.keys if keep_old else {}
    keys = {**old, "new": ring.keys.get("new", os.urandom(32))}
    fresh = KeyRing(current="new", keys=keys)
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, vault_keys=fresh)
