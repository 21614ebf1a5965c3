"""Whatever query parameters a list gets, it is shown or says what is wrong."""

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from lofty_admin.accounts.models import User
from lofty_admin.tenants.models import Tenant
from tests.support.users import signed_in

pytestmark = pytest.mark.django_db
LISTS = ["/", "/audit/", "/t/acme/history/", "/t/acme/receipt/", "/people/", "/find/"]
LISTS += ["/t/acme/names/", "/t/acme/settings/copy/", "/tenants/search/", "/tenants/import/"]
KEYS = ["q", "page", "before", "after", "sort", "status", "token", "group", "channel", "change"]
KEYS += ["tenant", "actor", "kind", "outcome", "setting", "since", "until", "at", "state", "source"]
VALUES = ["", "0", "-1", "9" * 30, "1e9", "0x10", "½", "\0", "\u200b", "a" * 5000, "[", "%", "acme"]
PAIRS = st.tuples(st.sampled_from(KEYS), st.one_of(st.sampled_from(VALUES), st.text(max_size=8)))


@pytest.fixture
def browser(superuser: User, acme: Tenant) -> Client:
    return signed_in(superuser)


@budget(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(url=st.sampled_from(LISTS), query=st.lists(PAIRS, max_size=4))
@example("/audit/", [("before", "9" * 19)])
@example("/audit/", [("after", "٣")])
@example("/audit/", [("tenant", "a" * 5000)])
@example("/", [("page", "٣"), ("sort", "-")])
@example("/find/", [("at", "\0")])
@example("/people/", [("page", "9" * 30)])
def test_list__any_address__is_answered(
    browser: Client, url: str, query: list[tuple[str, str]]
) -> None:
    assert browser.get(url, dict(query)).status_code in (200, 400, 404)
