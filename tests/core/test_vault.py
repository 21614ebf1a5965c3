"""Sealed secrets open only in their own place, and never in part."""

import dataclasses
import os
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.core import vault
from lofty_admin.core.environment import KeyRing

OWNER = UUID("11111111-1111-4111-8111-111111111111")
SECRET = "the-secret-token-of-acme-0123456789"


def seal(plain: str = SECRET, version: int = 3) -> bytes:
    return vault.seal(plain, table="t", column="c", owner=OWNER, version=version)


def open_sealed(sealed: bytes, **place: object) -> str:
    at: dict[str, object] = {"table": "t", "column": "c", "owner": OWNER, "version": 3, **place}
    return vault.open_sealed(sealed, **at)  # type: ignore[arg-type]  # one place, varied by name


def use_keys(settings: LazySettings, ring: KeyRing) -> None:
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, vault_keys=ring)


@given(plain=st.text(st.characters(codec="utf-8")), version=st.integers(0, 2**31))
def test_vault__any_text__opens_as_it_was(plain: str, version: int) -> None:
    assert open_sealed(seal(plain, version), version=version) == plain


@pytest.mark.parametrize(
    "place",
    [{"table": "other"}, {"column": "other"}, {"owner": uuid4()}, {"version": 2}, {"version": 4}],
    ids=lambda place: next(iter(place)),
)
def test_vault__copied_to_another_place__does_not_open(place: dict[str, object]) -> None:
    with pytest.raises(vault.VaultError):
        open_sealed(seal(), **place)


def test_vault__table_and_column_shifted__does_not_open() -> None:
    sealed = vault.seal(SECRET, table="ab", column="c", owner=OWNER, version=1)
    with pytest.raises(vault.VaultError):
        vault.open_sealed(sealed, table="a", column="bc", owner=OWNER, version=1)


def test_vault__any_byte_flipped__does_not_open() -> None:
    sealed = seal()
    for position in range(len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises(vault.VaultError):
            open_sealed(bytes(broken))


def test_vault__cut_anywhere__does_not_open() -> None:
    sealed = seal()
    for length in range(len(sealed)):
        with pytest.raises(vault.VaultError):
            open_sealed(sealed[:length])


@pytest.mark.parametrize("planted", [b"", SECRET.encode(), b"LV1", b"LV1\x04test" + b"x" * 11])
def test_vault__planted_value__does_not_open(planted: bytes) -> None:
    with pytest.raises(vault.VaultError):
        open_sealed(planted)


@given(planted=st.binary(max_size=200))
def test_vault__any_bytes__never_come_back_as_text(planted: bytes) -> None:
    for sealed in (planted, b"LV1" + planted):
        with pytest.raises(vault.VaultError):
            open_sealed(sealed)


def test_vault__key_is_gone__does_not_open(settings: LazySettings) -> None:
    sealed = seal()
    use_keys(settings, KeyRing("new", {"new": os.urandom(32)}))
    with pytest.raises(vault.VaultError, match="no longer has"):
        open_sealed(sealed)


def test_vault__new_current_key__old_values_still_open(settings: LazySettings) -> None:
    sealed, old = seal(), settings.ENVIRONMENT.vault_keys
    use_keys(settings, KeyRing("new", {"new": os.urandom(32), **old.keys}))
    assert open_sealed(sealed) == SECRET
    assert seal()[4:7] == b"new"


def test_vault__same_key_under_another_id__does_not_open(settings: LazySettings) -> None:
    sealed, old = seal(), settings.ENVIRONMENT.vault_keys
    key_id = old.current.encode()
    other = b"Z" * len(key_id)
    use_keys(settings, KeyRing(old.current, {**old.keys, other.decode(): old.keys[old.current]}))
    with pytest.raises(vault.VaultError):
        open_sealed(sealed.replace(key_id, other, 1))


def test_vault__100_000_seals__no_nonce_twice() -> None:
    header = len(vault.FORMAT) + 1 + seal()[len(vault.FORMAT)]
    nonces = {seal("x")[header : header + vault.NONCE_BYTES] for _ in range(100_000)}
    assert len(nonces) == 100_000


def test_vault__error__says_nothing_secret() -> None:
    with pytest.raises(vault.VaultError) as caught:
        open_sealed(seal(), version=9)
    assert SECRET not in repr(caught.value)
    assert caught.value.__context__ is None
