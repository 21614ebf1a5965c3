"""`python -m lofty_admin.core.keys` on a machine without keys."""

import os
import subprocess
import sys

import pytest

from lofty_admin.audit.proof.signed_checkpoint import public_key_of
from lofty_admin.core.environment import read_environment


def printed() -> dict[str, str]:
    bare = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "lofty_admin.core.keys"]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_keys__printed__are_an_environment_that_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = printed()
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    environment = read_environment()
    assert environment.secret_key == keys["SECRET_KEY"]
    assert len(environment.vault_keys.keys[environment.vault_keys.current]) == 32
    assert environment.audit_signing_key is not None
    assert environment.audit_public_keys == (public_key_of(environment.audit_signing_key),)


def test_keys__printed_twice__share_nothing() -> None:
    assert not set(printed().values()) & set(printed().values())
