"""Reseal the secrets of second factors under the current key of VAULT_KEYS."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from lofty_admin.accounts.mfa import SEALED_UNDER
from lofty_admin.accounts.sealing import key_of, open_for, seal_for
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.vault import VaultError


def reseal(size: int, *, unopened: frozenset[int] = frozenset()) -> tuple[list[int], list[int]]:
    """Reseal at most `size` rows in one transaction.

    Return the ids of the resealed rows, and of those that do not open. Call it until both are
    empty, and pass in `unopened` the rows to skip because they did not open. The rows are locked,
    so that a code used in the meantime waits and is not lost.
    """
    current = settings.ENVIRONMENT.vault_keys.current
    done, broken = list[int](), list[int]()
    with transaction.atomic(durable=True):
        ids = _to_do(unopened)[:size]
        for row in Authenticator.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
            (done if _seal_row(row) else broken).append(row.pk)
        if done:
            detail = {"key": current, "rows": done}
            subject = f"{len(done)} second factors"
            record(Kind.SECOND_STEPS_RESEALED, subject=subject, outcome=Outcome.DONE, detail=detail)
    return done, broken


def left(*, unopened: frozenset[int] = frozenset()) -> int:
    """Return how many rows are still to be resealed."""
    return len(_to_do(unopened))


def in_use(key_id: str) -> int:
    """Return how many secrets of second factors are sealed under that key."""
    return sum(key == key_id for key in _keys().values())


def _to_do(unopened: frozenset[int]) -> list[int]:
    current = settings.ENVIRONMENT.vault_keys.current
    return [pk for pk, key in _keys().items() if key != current and pk not in unopened]


def _keys() -> dict[int, str]:
    """Map row id to key id; "" for a secret that is not sealed."""
    rows = Authenticator.objects.filter(type__in=SEALED_UNDER).order_by("pk")
    return {row.pk: key_of(str(row.data.get(SEALED_UNDER[row.type], ""))) for row in rows}


def _seal_row(row: Authenticator) -> bool:
    name = SEALED_UNDER[row.type]
    try:
        plain = open_for(row.user_id, row.data.get(name, ""))
    except VaultError:
        return False
    row.data[name] = seal_for(row.user_id, plain)
    row.save(update_fields=["data"])
    return True
