"""A practice Lofty in a process of its own, which does not slow the one that is measured."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pytest_django import Settings

from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant
from tests.support.deployment import Process
from tests.support.documented_settings import EXAMPLE
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import connect
from tools.processes import free_port

PATH = "/v2.0/sales-agent/settings"


@contextmanager
def customer_of(
    tenant: Tenant, folder: Path, settings: Settings, **values: JSON
) -> Iterator[PracticeCustomer]:
    """The tenant's Sales Agent: the documented example, with these values in it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "tools.practice_lofty", "--port", str(port), "--db", str(folder / "lofty.db")]
    log, ready = folder / "practice.log", "/_control/healthz"
    practice = Process([sys.executable, *command], os.environ, log, url, ready)
    practice.start()
    try:
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, lofty_base_url=url)
        editable = {name: value for name, value in EXAMPLE.items() if name != "id"}
        customer = PracticeCustomer.add(
            url, tenant.slug, settings={**editable, **values}, rate_limit=1_000_000
        )
        connect(tenant, customer.token)
        yield customer
    finally:
        practice.stop()
