"""Seal every stored secret again under the current key of VAULT_KEYS while the console runs.

Each row is updated only if its secrets are still those that were read: a refresh or a new token in
between wins, and is sealed under the current key anyway. A run that is interrupted has completed
whole batches; the next run continues with the rest.

A binary column of any model is a sealed column: there is no list of them that could miss one. The
users' second factors are sealed inside JSON.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Substr

from lofty_admin.accounts import rotation as second_steps
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core import vault
from lofty_admin.tenants.credentials.secrets import SealedRow, open_from, sealed_for

Rows: TypeAlias = "models.QuerySet[Any]"


@dataclass(frozen=True)
class Place:
    """A model and its sealed columns."""

    model: type[models.Model]
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.model._meta.verbose_name_plural)


def places() -> list[Place]:
    """Return the models with sealed columns."""
    return [
        Place(model, columns)
        for model in apps.get_models()
        if (columns := _columns_of_bytes(model))
    ]


@dataclass(frozen=True)
class Progress:
    """The state after a batch of one place.

    name: the place; done: rows sealed so far; left: rows still to do; broken: ids of rows that do
    not decrypt.
    """

    name: str
    done: int
    left: int
    broken: tuple[str, ...]


def rotate(size: int) -> Iterator[Progress]:
    """Seal in batches of at most `size` rows, each in its own transaction with its audit record."""
    for place in places():
        yield from _rotate(place, size)
    yield from _rotate_second_steps(size)


def _rotate_second_steps(size: int) -> Iterator[Progress]:
    done, broken = 0, frozenset[int]()
    while True:
        sealed, unopened = second_steps.reseal(size, unopened=broken)
        if not sealed and not unopened:
            return
        done, broken = done + len(sealed), broken | frozenset(unopened)
        left = second_steps.left(unopened=broken)
        yield Progress("second steps", done, left, tuple(map(str, sorted(broken))))


def in_use(key_id: str) -> dict[str, int]:
    """Return how many rows of each model have a secret under that key; others are omitted."""
    counts = {place.name: _under(place, key_id).count() for place in places()}
    counts["second steps"] = second_steps.in_use(key_id)
    return {name: count for name, count in counts.items() if count}


def _columns_of_bytes(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(f.name for f in model._meta.fields if isinstance(f, models.BinaryField))


def _rotate(place: Place, size: int) -> Iterator[Progress]:
    done, broken = 0, set[str]()
    while batch := list(_to_do(place).exclude(pk__in=broken).order_by("pk")[:size]):
        changed, unopened = _seal_again(place, batch)
        done += changed
        broken |= unopened
        left = _to_do(place).exclude(pk__in=broken).count()
        yield Progress(place.name, done, left, tuple(sorted(broken)))


def _seal_again(place: Place, batch: Iterable[SealedRow]) -> tuple[int, set[str]]:
    """Seal a batch again. Return how many rows changed, and which cannot be decrypted."""
    changed, broken = [], set()
    with transaction.atomic(durable=True):
        for row in batch:
            try:
                fresh = _fresh(place, row)
            except vault.VaultError:
                broken.add(str(row.id))
                continue
            if _exchange(place, row, fresh):
                changed.append(str(row.id))
        if changed:
            _record(place, changed)
    return len(changed), broken


def _fresh(place: Place, row: SealedRow) -> dict[str, bytes]:
    """Return the row's secrets sealed under the current key; empty columns stay empty."""
    filled = [column for column in place.columns if getattr(row, column)]
    return {column: sealed_for(row, column, open_from(row, column)) for column in filled}


def _exchange(place: Place, row: SealedRow, fresh: dict[str, bytes]) -> bool:
    """Compare and swap: return False if the row has changed since it was read."""
    as_read = {column: bytes(getattr(row, column)) for column in place.columns}
    rows: Rows = place.model._default_manager.filter(pk=row.id, **as_read)
    return bool(rows.update(**fresh))


def _record(place: Place, changed: list[str]) -> None:
    record(
        Kind.VAULT_ROTATED,
        subject=f"{len(changed)} {place.name}",
        outcome=Outcome.DONE,
        detail={"key": settings.ENVIRONMENT.vault_keys.current, "rows": changed},
    )


def _to_do(place: Place) -> Rows:
    current = settings.ENVIRONMENT.vault_keys.current
    old = Q()
    for column in place.columns:
        old |= ~Q(**{column: b""}) & ~Q(**{f"{column}_start": vault.prefix_of(current)})
    return _with_starts(place.model, place.columns, current).filter(old)


def _under(place: Place, key_id: str) -> Rows:
    found = Q()
    for column in place.columns:
        found |= Q(**{f"{column}_start": vault.prefix_of(key_id)})
    return _with_starts(place.model, place.columns, key_id).filter(found)


def _with_starts(model: type[models.Model], columns: Iterable[str], key_id: str) -> Rows:
    """Return rows with the first bytes of each column, as many as a prefix of that key has."""
    length = len(vault.prefix_of(key_id))
    starts = {
        f"{column}_start": Substr(column, 1, length, output_field=models.BinaryField())
        for column in columns
    }
    rows: Rows = model._default_manager.annotate(**starts)
    return rows
