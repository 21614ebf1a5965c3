"""Compute the links of the hash chain, and the copies of a body's values in columns."""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

FORMAT = b"lofty-audit-1"
_AT = ',"at":"'
_text = json.encoder.encode_basestring


def link(key: bytes, log_id: UUID, seq: int, previous_hash: str, body: str) -> str:
    """Return the HMAC-SHA256 of format, log id, seq, previous hash, and body, as 64 hex digits.

    Every part but the body has a fixed width and the body is length-prefixed: no two different
    records give the same bytes. `previous_hash` must be 64 hex digits (ValueError otherwise).
    """
    return link_in(begin(key, log_id), seq, previous_hash, body)


def begin(key: bytes, log_id: UUID) -> hmac.HMAC:
    """Start the HMAC with the part that all links of one log under one key share, for `link_in`."""
    return hmac.new(key, FORMAT + log_id.bytes, hashlib.sha256)


def link_in(begun: hmac.HMAC, seq: int, previous_hash: str, body: str) -> str:
    """Compute `link` from the result of `begin`, which stays unchanged for the next link."""
    text = body.encode()
    message = b"".join(
        (
            seq.to_bytes(8, "big"),
            bytes.fromhex(previous_hash),
            len(text).to_bytes(8, "big"),
            text,
        )
    )
    whole = begun.copy()
    whole.update(message)
    return whole.hexdigest()


COPIED = (
    "kind",
    "subject",
    "request_id",
    "ip",
    "reason",
    "id",
    "at",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_name",
    "tenant_id",
    "tenant_slug",
    "tenant_name",
    "operation_id",
)


def copies(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the AuditEvent columns that repeat the body, in the order of COPIED.

    Raises KeyError when a part of the body is missing.
    """
    actor, tenant = content["actor"], content["tenant"] or {}
    return {
        "kind": content["kind"],
        "subject": content["subject"],
        "request_id": content["request_id"],
        "ip": content["ip"],
        "reason": content["reason"],
        "id": UUID(content["id"]),
        "at": dt.datetime.fromisoformat(content["at"]),
        "outcome": content["outcome"] or "",
        "actor_kind": actor["kind"],
        "actor_id": actor["id"],
        "actor_name": actor["name"],
        "tenant_id": _uuid(tenant.get("id")),
        "tenant_slug": tenant.get("slug", ""),
        "tenant_name": tenant.get("name", ""),
        "operation_id": _uuid(content["operation_id"]),
    }


def surely_repeats(body: str, values: Sequence[Any]) -> bool:
    """Return whether `values`, in the order of COPIED, are in `body`; False if unsure.

    False means that only parsing can tell. `values` are texts: times as in the body, UUIDs
    with dashes, None for NULL. Ten times as fast as parsing, and exact: canonical members are
    sorted and a quote inside a text is escaped, so `before` and `behind` can occur at the outermost
    level only, and so must `,"at":"` if it occurs once.
    """
    kind, subject, request_id, ip, reason, own_id, at, outcome, *more = values
    actor_kind, actor_id, actor_name, tenant_id, slug, name, operation_id = more
    before = (
        f'{{"actor":{{"id":{_text(actor_id)},"kind":{_text(actor_kind)},'
        f'"name":{_text(actor_name)}}},"after":'
    )
    behind = (
        f',"id":"{own_id}","ip":{_text(ip)},"kind":{_text(kind)},'
        f'"operation_id":{_or_null(operation_id)},"outcome":{_or_null(outcome)},'
        f'"reason":{_text(reason)},"request_id":{_text(request_id)},"subject":{_text(subject)},'
        f'"tenant":{_tenant(tenant_id, slug, name)}}}'
    )
    framed = body.startswith(before) and body.endswith(behind)
    return framed and body.count(_AT) == 1 and f'{_AT}{at}","before":' in body


def _tenant(tenant_id: str | None, slug: str, name: str) -> str:
    if tenant_id is None and not slug and not name:
        return "null"
    return f'{{"id":{_or_null(tenant_id)},"name":{_text(name)},"slug":{_text(slug)}}}'


def _or_null(value: str | None) -> str:
    return _text(value) if value else "null"


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
