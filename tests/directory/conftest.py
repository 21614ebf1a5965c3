"""Acme, connected to a practice Lofty with a directory to read."""

import pytest

from lofty_admin.lofty.client import Scheme
from lofty_admin.tenants.credentials.token_store import set_connection
from lofty_admin.tenants.credentials.token_verification import unchecked_token
from lofty_admin.tenants.models import Tenant
from tests.support.directory import Connect
from tests.support.practice_customer import PracticeCustomer
from tools.practice_lofty.server import Sandbox


@pytest.fixture
def connect(practice: Sandbox, acme: Tenant) -> Connect:
    """connect(members=5, ...): Acme's customer at the practice Lofty, made from a seed.Spec."""

    def made(**spec: object) -> PracticeCustomer:
        customer = PracticeCustomer.add(practice.url, "acme", **spec)
        set_connection(acme, unchecked_token(Scheme.OAUTH, customer.token), meant=True)
        return customer

    return made
