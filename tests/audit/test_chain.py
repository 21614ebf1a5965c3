"""The hash chain: what each record's hash covers."""

import hashlib
import hmac
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.audit.log.chain import link
from lofty_admin.audit.models import GENESIS

KEY = bytes(range(32))
LOG = UUID("00112233-4455-6677-8899-aabbccddeeff")


def test_link__known_record__known_answer() -> None:
    # Made with: openssl dgst -sha256 -mac HMAC -macopt hexkey:0001..1f, over the parts in order.
    expected = "ebfa322d7e1ae3e3b513fa5d07e1a3fa3e8f99c35633eb7c8844b60988d651ea"
    assert link(KEY, LOG, 7, "ab" * 32, '{"kind":"é"}') == expected


def test_link__parts__hashed_in_the_documented_order() -> None:
    message = (
        b"lofty-audit-1"
        + bytes.fromhex("00112233445566778899aabbccddeeff")
        + bytes.fromhex("0000000000000007")
        + bytes.fromhex("ab" * 32)
        + bytes.fromhex("0000000000000002")
        + b"{}"
    )
    expected = hmac.new(KEY, message, hashlib.sha256).hexdigest()
    assert link(KEY, LOG, 7, "ab" * 32, "{}") == expected


Parts = tuple[bytes, UUID, int, str, str]
ORIGINAL: Parts = (KEY, LOG, 7, "ab" * 32, "{}")


@pytest.mark.parametrize(
    "changed",
    [
        (bytes(32), LOG, 7, "ab" * 32, "{}"),
        (KEY, UUID(int=1), 7, "ab" * 32, "{}"),
        (KEY, LOG, 8, "ab" * 32, "{}"),
        (KEY, LOG, 7, GENESIS, "{}"),
        (KEY, LOG, 7, "ab" * 32, "{ }"),
    ],
)
def test_link__one_part_changed__other_hash(changed: Parts) -> None:
    assert link(*changed) != link(*ORIGINAL)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS)
def test_link__two_bodies__same_hash_only_if_equal(one: str, two: str) -> None:
    assert (link(KEY, LOG, 1, GENESIS, one) == link(KEY, LOG, 1, GENESIS, two)) == (one == two)


@pytest.mark.parametrize("previous", ["zz", "é", "abc"])
def test_link__previous_hash_is_no_hex__value_error(previous: str) -> None:
    with pytest.raises(ValueError, match="fromhex"):
        link(KEY, LOG, 1, previous, "{}")
