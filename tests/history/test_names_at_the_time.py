"""Form, review, and history each show the names of their own day."""

import pytest

from lofty_admin.audit.kinds import Kind
from lofty_admin.directory.models import EntryKind
from lofty_admin.directory.names import give_name, names
from lofty_admin.tenants.models import Tenant
from tests.support.audit_log import newest
from tests.support.directory import get_members, set_members, synced
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_pages import SETTINGS, review, save
from tests.support.users import Browsers
from tools.practice_lofty.server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
NAMING = "/t/acme/names/?source={}#sources"


def test_names__renamed_in_lofty_after_a_save__history_keeps_the_old_and_the_form_has_the_new(
    browsers: Browsers, lofty: PracticeCustomer, acme: Tenant, practice: Sandbox
) -> None:
    rows = get_members(practice, "acme")
    rows[1] |= {"firstName": "Olga", "lastName": "Oldname"}
    set_members(practice, "acme", rows)
    synced(acme)
    ids = [str(row["memberUserId"]) for row in rows]
    page = review(browsers.owner, **{"agentIds-ids": [",".join(ids[1:3])]})
    assert "Added: Olga Oldname" in text_of(page)
    save(browsers.owner, page)
    rows[1] |= {"lastName": "Newname"}
    set_members(practice, "acme", rows[:2] + rows[3:])
    synced(acme)
    event = text_of(browsers.owner.get(f"/t/acme/history/{newest().pk}/"))
    assert "Added: Olga Oldname" in event
    assert "Newname" not in event
    form = browsers.owner.get(SETTINGS).content.decode()
    assert "Olga Newname" in form
    assert "Oldname" not in form
    left = names(acme, EntryKind.AGENT, [int(ids[2])])[int(ids[2])]
    assert left.gone_since is not None
    assert f"{rows[2]['firstName']} {rows[2]['lastName']}" in form


def test_names__unnamed_lead_sources__can_be_named_from_form_review_and_history(
    browsers: Browsers, lofty: PracticeCustomer, acme: Tenant
) -> None:
    give_name(acme, 1001, "Zillow")
    form = browsers.owner.get(SETTINGS).content.decode()
    assert NAMING.format(1002) in form
    assert NAMING.format(1001) not in form
    page = review(browsers.owner, **{"leadSources-ids": ["1001,1003"]})
    reviewed = page.content.decode()
    assert NAMING.format(1002) in reviewed
    assert NAMING.format(1003) in reviewed
    assert NAMING.format(1001) not in reviewed
    save(browsers.owner, page)
    give_name(acme, 1003, "Realtor")
    address = f"/t/acme/history/{newest(Kind.SETTINGS_OUTCOME).pk}/"
    event = browsers.owner.get(address)
    assert "Added: unknown (1003)" in text_of(event)
    assert NAMING.format(1003) in event.content.decode()
    assert NAMING.format(1003) not in browsers.owner.get(SETTINGS).content.decode()
    assert "?source=" not in browsers.viewer.get(address).content.decode()
    assert "?source=" not in browsers.viewer.get(SETTINGS).content.decode()
