"""Acme, connected to a practice Lofty whose settings are the documented example."""

import pytest

from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import connect, editor_of
from tools.practice_lofty.server import Sandbox


@pytest.fixture
def lofty(practice: Sandbox, acme: Tenant) -> PracticeCustomer:
    """Acme's own Sales Agent at the practice Lofty; Acme holds its token."""
    editable = {name: value for name, value in EXAMPLE.items() if name != "id"}
    customer = PracticeCustomer.add(practice.url, "acme", settings=editable)
    connect(acme, customer.token)
    editor_of(acme)
    return customer
