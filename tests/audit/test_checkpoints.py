"""Signed checkpoints: their content, when they are made, and when signing is refused."""

import base64
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from lofty_admin.audit import checks, tasks
from lofty_admin.audit.models import GENESIS, AuditCheckpoint, AuditHead
from lofty_admin.audit.proof.checkpoints import CheckpointRefused, is_due, make
from lofty_admin.audit.proof.signed_checkpoint import (
    FORMAT,
    Checkpoint,
    believed_keys,
    key_id_of,
    public_key_of,
)
from tests.support.audit_log import (
    SIGNING_KEY,
    checkpoint,
    run,
    sign_here,
    sink_to,
    tamper,
    use,
    write,
)

PUBLIC = public_key_of(SIGNING_KEY)


@pytest.fixture
def signing(db: None, settings: Settings) -> None:
    sign_here(settings)


def test_public_key__rfc_8032_test_1__known_answer() -> None:
    secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert public_key_of(bytes.fromhex(secret)).hex() == public


def test_make__log_of_three__has_its_size_and_head(signing: None) -> None:
    write(3)
    head, made = AuditHead.objects.get(), checkpoint()
    assert (made.log_id, made.size, made.head_hash) == (head.log_id, 3, head.hash)
    assert (made.previous, made.key_id) == (GENESIS, key_id_of(PUBLIC))
    assert made.is_signed_by(PUBLIC)
    assert not made.is_signed_by(public_key_of(bytes(32)))


def test_make__again_without_new_events__names_the_previous_one(signing: None) -> None:
    first, second = checkpoint(), checkpoint()
    assert second.previous == first.hash
    assert second.size == first.size == 0


def test_line__fields__signed_as_documented(signing: None) -> None:
    """Anybody can check a line with a JSON and an Ed25519 library: docs/operations.md."""
    write(1)
    row = make()
    fields = json.loads(row.line)
    assert fields["format"] == FORMAT
    signature = base64.b64decode(fields.pop("signature"))
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(signature, body)


CHANGES: list[dict[str, Any]] = [
    {"log_id": UUID(int=1)},
    {"size": 2},
    {"head_hash": "a" * 64},
    {"at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
    {"previous": "b" * 64},
    {"key_id": "ed25519-0"},
    {"signature": ""},
    {"signature": "not base64"},
]


@pytest.mark.parametrize("change", CHANGES)
def test_signature__anything_changed__does_not_hold(signing: None, change: dict[str, Any]) -> None:
    made = checkpoint()
    assert not replace(made, **change).is_signed_by(PUBLIC)


def test_parse__line_with_a_prefix_of_syslog__same(signing: None) -> None:
    made = checkpoint()
    assert Checkpoint.parse(f"<86>Nov 23 20:00:00 host audit: {made.line}\n") == made


@given(st.text() | st.dictionaries(st.text(), st.integers()).map(json.dumps))
def test_parse__any_text__value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Checkpoint.parse(text)


SPOILT: list[tuple[str, object]] = [
    ("size", "3"),
    ("size", True),
    ("size", -1),
    ("log_id", 7),
    ("log_id", "x"),
    ("at", "yesterday"),
    ("at", "2026-01-01T00:00:00"),
    ("head_hash", "zz"),
    ("previous", None),
    ("key_id", 3),
    ("signature", None),
    ("format", "lofty-audit-checkpoint-0"),
    ("more", 1),
]


@pytest.mark.parametrize(("name", "value"), SPOILT)
def test_parse__field_damaged__value_error(signing: None, name: str, value: object) -> None:
    fields = {**json.loads(checkpoint().line), name: value}
    with pytest.raises(ValueError, match=r".*"):
        Checkpoint.parse(json.dumps(fields))


# --- when ----------------------------------------------------------------------------------------
def test_is_due__none_yet__yes(db: None) -> None:
    assert is_due()


def test_is_due__few_events_and_little_time__no(signing: None, settings: Settings) -> None:
    use(settings, checkpoint_events=3)
    checkpoint()
    write(2)
    assert not is_due()


def test_is_due__enough_events__yes(signing: None, settings: Settings) -> None:
    use(settings, checkpoint_events=3)
    checkpoint()
    write(3)
    assert is_due()


def test_is_due__idle_for_long__yes(signing: None, settings: Settings) -> None:
    checkpoint()
    age_newest(minutes=59)
    assert not is_due()
    age_newest(minutes=2)
    assert is_due()


def age_newest(minutes: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditcheckpoint DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE audit_auditcheckpoint SET at = at - make_interval(mins => %s)", [minutes]
        )
    tamper("SELECT 1")


def test_job__due__makes_one_and_hands_it_over(
    signing: None, settings: Settings, tmp_path: Path
) -> None:
    path = sink_to(settings, tmp_path / "anchors")
    for _ in range(2):
        tasks.checkpoint(timestamp=0)
    assert path.read_text() == f"{AuditCheckpoint.objects.get().line}\n"


def test_job__no_signing_key__makes_none(db: None) -> None:
    tasks.checkpoint(timestamp=0)
    assert not AuditCheckpoint.objects.exists()


# --- refused --------------------------------------------------------------------------------------
CUT = (
    "DELETE FROM audit_auditevent WHERE seq > 2; UPDATE audit_audithead SET (seq, hash) ="
    " (SELECT seq, hash FROM audit_auditevent ORDER BY seq DESC LIMIT 1)"
)
BREAKAGES = {
    "log cut": CUT,
    "record replaced": "UPDATE audit_auditevent SET hash = repeat('a', 64) WHERE seq = 3",
    "head without its record": "UPDATE audit_audithead SET hash = repeat('a', 64)",
    "head gone": "DELETE FROM audit_audithead",
    "another log": "UPDATE audit_audithead SET log_id = gen_random_uuid()",
}


@pytest.mark.parametrize("statement", BREAKAGES.values(), ids=BREAKAGES.keys())
def test_make__log_does_not_continue__is_refused(signing: None, statement: str) -> None:
    write(3)
    checkpoint()
    tamper(statement)
    with pytest.raises(CheckpointRefused, match="No checkpoint was signed"):
        make()
    assert AuditCheckpoint.objects.count() == 1


def test_make__no_key__says_which(db: None) -> None:
    with pytest.raises(CheckpointRefused, match="AUDIT_SIGNING_KEY is not set here"):
        make()


# --- the command and the check --------------------------------------------------------------------
def test_command__no_sink__prints_the_line(signing: None) -> None:
    code, text = run("audit_checkpoint")
    assert (code, text) == (0, f"{AuditCheckpoint.objects.get().line}\n")


def test_command__no_key__refused(db: None) -> None:
    with pytest.raises(CommandError, match="AUDIT_SIGNING_KEY"):
        call_command("audit_checkpoint")


def test_trusted_keys__given_and_in_the_environment__all(settings: Settings) -> None:
    sign_here(settings)
    use(settings, audit_public_keys=(b"p" * 32,))
    keys = believed_keys([b"g" * 32])
    assert set(keys.values()) == {b"g" * 32, b"p" * 32, PUBLIC}


def test_check__no_signing_key__only_information(settings: Settings) -> None:
    (found,) = checks.checkpoints_are_signed()
    assert found.id == "audit.I002"
    assert not found.is_serious()
    sign_here(settings)
    assert checks.checkpoints_are_signed() == []


@pytest.mark.parametrize(("content", "ids"), [(None, []), ("", []), ("unreadable", ["audit.E003"])])
def test_check__anchor_file__reported_if_this_user_cannot_read_it(
    content: str | None, ids: list[str], tmp_path: Path, settings: Settings
) -> None:
    sign_here(settings)
    path = sink_to(settings, tmp_path / "anchors")
    if content == "unreadable":
        path.symlink_to(path)  # root reads everything but a link to itself
    elif content is not None:
        path.write_text(content)
    assert [message.id for message in checks.anchor_is_readable()] == ids


def test_check__no_public_key__warns_that_a_restore_would_go_unnoticed(
    tmp_path: Path, settings: Settings
) -> None:
    sink_to(settings, tmp_path / "anchors")
    assert [message.id for message in checks.anchor_is_readable()] == ["audit.W002"]
