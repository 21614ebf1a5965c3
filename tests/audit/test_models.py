"""The guards in Python refuse a change before the database has to."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from pytest_django import Settings

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AppendOnlyError, AuditCheckpoint, AuditEvent
from lofty_admin.audit.proof.checkpoints import make
from tests.support.audit_log import sign_here

Attempt = Callable[[AuditEvent], object]
ATTEMPTS: dict[str, Attempt] = {
    "save": lambda event: event.save(),
    "save some": lambda event: event.save(update_fields=["reason"]),
    "force update": lambda event: event.save(force_update=True),
    "delete": lambda event: event.delete(),
    "update all": lambda event: AuditEvent.objects.update(reason="x"),
    "update some": lambda event: AuditEvent.objects.filter(pk=event.pk).update(reason="x"),
    "delete all": lambda event: AuditEvent.objects.all().delete(),
    "bulk update": lambda event: AuditEvent.objects.bulk_update([event], ["reason"]),
    "bulk create": lambda event: AuditEvent.objects.bulk_create(
        [event], update_conflicts=True, unique_fields=["id"], update_fields=["reason"]
    ),
    "update or create": lambda event: AuditEvent.objects.update_or_create(
        pk=event.pk, defaults={"reason": "x"}
    ),
    "raw delete": lambda event: AuditEvent.objects.all()._raw_delete("default"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_event__any_change_in_python__refused_and_unchanged(db: None, attempt: Attempt) -> None:
    event = record(Kind.SIGNED_IN, reason="as it was")
    before = AuditEvent.objects.values().get()
    event.reason = "x"
    with pytest.raises(AppendOnlyError, match="append-only"):
        attempt(event)
    assert AuditEvent.objects.values().get() == before


def test_checkpoint__changed_in_python__refused(db: None, settings: Settings) -> None:
    sign_here(settings)
    row = make()
    for attempt in (row.save, row.delete, AuditCheckpoint.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            attempt()


def test_event__kind_of_another_version__shown_as_it_is() -> None:
    event = AuditEvent(id=uuid4(), kind="settings.teleported", outcome="eaten", actor_id="job 7")
    assert (event.what, event.outcome_label, event.who) == (
        "settings.teleported",
        "eaten",
        "job 7",
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_kind__label__plain_words_that_follow_a_name(kind: Kind) -> None:
    assert kind.label
    assert kind.label[0].islower()
    assert "_" not in kind.label
    assert "." not in kind.label
