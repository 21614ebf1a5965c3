"""`audit_export`: each run continues the file, however the previous run ended."""

import json
import os
import re
import signal
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.proof.export_file import ExportFile
from tests.bench.log import build
from tests.support.audit_export import verified
from tests.support.audit_log import run, tamper, write
from tests.support.manage_process import start_manage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def numbers(file: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in file.read_bytes().splitlines()]


def export(file: Path) -> str:
    code, text = run("audit_export", "--to", str(file))
    assert code == 0
    return text


def refusal(file: Path) -> str:
    """What it says; the file must be as it was."""
    before = file.read_bytes()
    with pytest.raises(CommandError) as refused:
        export(file)
    assert file.read_bytes() == before
    return str(refused.value)


def test_export__new_file__has_every_record_and_only_its_owner_reads_it(
    db: None, file: Path
) -> None:
    start = time.monotonic()
    write(5)
    text = export(file)
    behind = re.search(r": up to record 0, 5 records and (\d+) seconds behind\.\n", text)
    assert behind
    assert text[: behind.start()].endswith(str(file))
    assert int(behind[1]) <= round(time.monotonic() - start)
    assert "6 written, up to record 6: 0 records and 0 seconds behind.\n" in text
    assert numbers(file) == [1, 2, 3, 4, 5, 6]
    assert file.stat().st_mode & 0o777 == 0o600
    event = AuditEvent.objects.get(kind=Kind.LOG_EXPORTED)
    assert (event.actor_id, event.seq) == ("audit_export", 6)
    assert event.actor_name.startswith("manage.py audit_export, run by ")
    assert event.detail == {"format": "jsonl", "after": 0, "file": str(file), "follow": False}


def test_export__again__appends_what_is_new_and_says_how_late_it_was(db: None, file: Path) -> None:
    write(3)
    export(file)
    first = file.read_bytes()
    write(2)
    assert "up to record 4, 2 records and" in export(file)
    assert file.read_bytes().startswith(first)
    assert numbers(file) == [*range(1, 8)]


def test_export__nothing_new__writes_and_records_nothing(db: None, file: Path) -> None:
    write(1)
    export(file)
    before = file.read_bytes()
    assert "0 written, up to record 2: 0 records and 0 seconds behind.\n" in export(file)
    assert file.read_bytes() == before
    assert AuditEvent.objects.count() == 2


@pytest.mark.parametrize("kept", [1, 30, 100, -1, -40])
def test_export__cut_anywhere__loses_and_breaks_nothing(db: None, file: Path, kept: int) -> None:
    write(3)
    export(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:kept])
    export(file)
    assert file.read_bytes().startswith(whole)
    assert numbers(file) == [*range(1, AuditEvent.objects.count() + 1)]


def test_export__large_and_foreign_texts__are_a_line_each(db: None, file: Path) -> None:
    tenant_texts = ["x" * 100_000, "\u2028\x85\x1e\r\n", "nul \0", "half \ud800", "💥"]
    for text in tenant_texts:
        record(Kind.TENANT_CHANGED, reason=text)
    export(file)
    bodies = [json.loads(line)["body"] for line in file.read_text("ascii").splitlines()]
    assert bodies == [event.body for event in AuditEvent.objects.order_by("seq")]


NOT_OURS = [b"root:x:0:0\n", b"not ours", b'{"log_id": 1}\n', b"\n", b"[]\n", b'{"a": 1}\n{"log']


@pytest.mark.parametrize("content", NOT_OURS)
def test_export__some_other_file__is_left_as_it_is(db: None, file: Path, content: bytes) -> None:
    write(1)
    file.write_bytes(content)
    assert f"Can't write to {file}: Its" in refusal(file)


def test_export__file_of_another_log__is_left_as_it_is(db: None, file: Path) -> None:
    write(1)
    export(file)
    tamper("UPDATE audit_audithead SET log_id = '00000000-0000-0000-0000-000000000001'")
    assert "It contains another audit log." in refusal(file)


def test_export__last_record_not_in_the_log_any_more__is_left_as_it_is(
    db: None, file: Path
) -> None:
    write(3)
    export(file)
    tamper("UPDATE audit_auditevent SET hash = repeat('0', 64) WHERE seq = 4")
    assert "Its last record, 4, differs from the log." in refusal(file)


def test_export__record_missing_in_the_log__continues_says_so_and_exit_1(
    db: None, file: Path
) -> None:
    write(5)
    tamper("DELETE FROM audit_auditevent WHERE seq = 3")
    out, errors = StringIO(), StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("audit_export", "--to", str(file), stdout=out, stderr=errors)
    assert end.value.code == 1
    assert "1 records are missing in the log." in errors.getvalue()
    assert numbers(file) == [1, 2, 4, 5, 6]


def test_export__another_run_has_the_file__refused(db: None, file: Path) -> None:
    write(1)
    with ExportFile(file):
        assert "Another run is writing to it." in refusal(file)


def test_export__folder_missing__says_so(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file or directory"):
        run("audit_export", "--to", str(tmp_path / "nowhere" / "audit.jsonl"))


@pytest.mark.django_db(transaction=True)
def test_export__killed_again_and_again__nothing_missing_nothing_broken(file: Path) -> None:
    build(events=6_000, tenants=3)
    kills = 0
    while kills < 3:
        size = file.stat().st_size if file.exists() else 0
        process = start_manage("audit_export", "--to", str(file))
        while process.poll() is None:
            if file.exists() and file.stat().st_size > size + 2_000_000:
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.001)
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL, "it was done before it could be killed"
        kills += 1
        if kills == 2:  # as if the kernel had written only a part of the last line
            with file.open("r+b") as half:
                half.truncate(file.stat().st_size - 100)
    process = start_manage("audit_export", "--to", str(file))
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    assert "0 records and 0 seconds behind." in said
    assert numbers(file) == [*range(1, AuditHead.objects.get().seq + 1)]
    assert verified(file).returncode == 0


@pytest.mark.django_db(transaction=True)
def test_export__follow__continues_until_it_is_stopped(file: Path) -> None:
    write(2)
    process = start_manage("audit_export", "--to", str(file), "--follow")
    try:
        wait_for(file, 3)
        write(2)
        wait_for(file, 5)
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[0]
    assert process.returncode == 0, said
    assert said.endswith("Stopped.\n")
    assert numbers(file) == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_export__follow_with_its_connection_cut__continues(file: Path) -> None:
    write(2)
    process = start_manage("audit_export", "--to", str(file), "--follow")
    try:
        wait_for(file, 3)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'lofty-command'"
            )
            assert cursor.fetchone() == (1,)
        write(2)
        wait_for(file, 5)
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[0]
    assert process.returncode == 0, said
    assert said.count("The database does not answer. Trying again until it does.\n") == 1
    assert "Traceback" not in said
    assert numbers(file) == [1, 2, 3, 4, 5]


def wait_for(file: Path, lines: int) -> None:
    end = time.monotonic() + 30
    while not (file.exists() and file.read_bytes().count(b"\n") == lines):
        assert time.monotonic() < end
        time.sleep(0.05)


# --- The recipe of docs/audit-export.md -----------------------------------------------------------


@pytest.fixture
def exported(db: None, file: Path) -> Path:
    write(4)
    export(file)
    return file


def test_recipe__real_export__exit_0_and_says_what_it_checked(exported: Path) -> None:
    done = verified(exported)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "5 records read, 5 links checked, 0 faulty. Last record: 5.\n"


def change(file: Path, number: int, **values: object) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[number - 1].update(values)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"body": "{}"}, "line 3, record 3: hash wrong\n"),
        ({"hash": "f" * 64}, "line 3, record 3: hash wrong\nline 4, record 4: link wrong\n"),
        ({"previous_hash": "f" * 64}, "record 3: hash wrong\nline 3, record 3: link wrong\n"),
        ({"seq": 1}, "line 3, record 1: hash wrong\nline 3, record 1: out of order\n"),
        ({"log_id": "00000000-0000-0000-0000-000000000001"}, "record 3: hash wrong\n"),
        ({"key_id": "other"}, "line 3, record ?: unreadable: KeyError('other')\n"),
        ({"previous_hash": 7}, "line 3, record ?: unreadable"),
        ({"seq": -1}, "line 3, record ?: unreadable"),
    ],
)
def test_recipe__tampered_record__exit_1_and_is_named(
    exported: Path, values: dict[str, object], expected: str
) -> None:
    change(exported, 3, **values)
    done = verified(exported)
    assert (done.returncode, done.stderr) == (1, "")
    assert expected in done.stdout


def test_recipe__record_taken_out__only_links_that_stand_are_counted(exported: Path) -> None:
    lines = exported.read_text().splitlines(keepends=True)
    exported.write_text("".join(lines[:2] + lines[3:]))
    done = verified(exported)
    assert done.stdout == "4 records read, 3 links checked, 0 faulty. Last record: 5.\n"


def test_recipe__nothing_in_the_file__exit_1(exported: Path) -> None:
    exported.write_text("")
    assert verified(exported).returncode == 1


def test_recipe__two_keys_with_blanks_between__are_read(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_KEYS", f"other:AAAA, {os.environ['AUDIT_KEYS']}")
    assert verified(exported).returncode == 0
