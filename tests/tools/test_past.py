"""The past clock of the demo's history: only in its block, only forward, never in the future."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from lofty_admin.tenants.models import Tenant
from tools.past import bent_clock

MOMENT = timedelta(seconds=30)


def test_bent_clock__set_to_last_week__runs_on_from_there_and_only_in_its_block() -> None:
    then = datetime.now(UTC) - timedelta(days=7)
    with bent_clock() as clock:
        clock.set(then)
        assert timedelta(0) <= timezone.now() - then < MOMENT
        assert Tenant().created_at - then < MOMENT, "defaults of models too"
    assert datetime.now(UTC) - timezone.now() < MOMENT


def test_bent_clock__back_or_into_the_future__is_refused() -> None:
    now = datetime.now(UTC)
    with bent_clock() as clock:
        clock.set(now - timedelta(days=2))
        for wrong in (now - timedelta(days=3), now + timedelta(hours=1)):
            with pytest.raises(ValueError, match="cannot go"):
                clock.set(wrong)
