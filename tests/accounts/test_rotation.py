"""Rotating the vault key moves the secrets of second factors, and they still work."""

import pytest
from allauth.mfa.models import Authenticator
from pytest_django import Settings

from lofty_admin.accounts import mfa, rotation
from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from tests.support.second_factor import code_at, give_app, give_codes
from tests.support.vault_keys import new_key


@pytest.mark.django_db(transaction=True)
def test_rotation__new_key__all_moved_and_old_key_can_go(viewer: User, settings: Settings) -> None:
    give_app(viewer)
    recovery = give_codes(viewer)[0]
    old = settings.ENVIRONMENT.vault_keys.current
    new_key(settings)
    assert (rotation.in_use(old), rotation.in_use("new")) == (2, 0)
    moved = [rotation.reseal(1)[0] for _ in range(3)]
    assert [len(rows) for rows in moved] == [1, 1, 0]
    assert (rotation.in_use(old), rotation.in_use("new")) == (0, 2)
    new_key(settings, keep_old=False)
    assert mfa.use_code(viewer, code_at()) is not None
    assert mfa.use_code(viewer, recovery) is not None
    assert AuditEvent.objects.filter(kind="mfa.resealed").count() == 2


@pytest.mark.django_db(transaction=True)
def test_rotation__row_that_does_not_open__named_and_left(viewer: User, settings: Settings) -> None:
    row = give_app(viewer)
    Authenticator.objects.filter(pk=row.pk).update(data={"secret": "planted", "counter": 0})
    new_key(settings)
    assert rotation.reseal(10) == ([], [row.pk])
    assert rotation.reseal(10, unopened=frozenset({row.pk})) == ([], [])
