"""The links of the chain: what is hashed, with which key, and the copies of a body in columns."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

FORMAT = b"lofty-audit-1"


def link(key: bytes, log_id: UUID, seq: int, previous_hash: str, body: str) -> str:
    """HMAC-SHA256 over format, log id, seq, previous hash and body, as 64 hex digits.

    Every part but the body has a fixed width and the body is length-prefixed: no two different
    records give the same bytes. `previous_hash` must be 64 hex digits (ValueError otherwise).
    """
    text = body.encode()
    message = b"".join(
        (
            FORMAT,
            log_id.bytes,
            seq.to_bytes(8, "big"),
            bytes.fromhex(previous_hash),
            len(text).to_bytes(8, "big"),
            text,
        )
    )
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def copies(content: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of AuditEvent that repeat the body. KeyError when a part of it is missing."""
    actor, tenant = content["actor"], content["tenant"] or {}
    texts = ("kind", "subject", "request_id", "ip", "reason")
    return {
        **{name: content[name] for name in texts},
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


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
