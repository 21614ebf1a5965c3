"""What stops calls to Lofty: no free slot, or too many failures."""

import dataclasses
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from django.conf import LazySettings
from django.db.models.signals import post_save
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.plans import Plan
from lofty_admin.agentsettings.services import apply
from lofty_admin.agentsettings.snapshots import read_live, summary_fields
from lofty_admin.audit.context import ActorMiddleware, RequestContextMiddleware
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.breaker import Breaker
from lofty_admin.lofty.client import LoftyClient, Scheme
from lofty_admin.lofty.errors import CallsStopped, LoftyError, NoFreeSlot
from lofty_admin.tenants.credentials import call_limits, token_store
from lofty_admin.tenants.credentials.call_limits import slots
from lofty_admin.tenants.credentials.config import endpoint
from lofty_admin.tenants.credentials.token_store import set_connection
from lofty_admin.tenants.credentials.token_verification import unchecked_token
from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.hostile_server import HostileServer, Request, says
from tests.support.practice_customer import PracticeCustomer
from tests.support.requests import get_request
from tests.support.users import Browsers
from tools.practice_lofty.server import Sandbox


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The breaker's clock, to be put forward."""
    now = [1000.0]
    breaker = Breaker(clock=lambda: now[0])
    monkeypatch.setattr(call_limits, "BREAKER", breaker)
    return now


def client_of(tenant: Tenant) -> LoftyClient:
    return LoftyClient(endpoint(tenant.pk), Scheme.OAUTH, "a-token")


def use(server: HostileServer, settings: LazySettings) -> None:
    settings.ENVIRONMENT = dataclasses.replace(
        settings.ENVIRONMENT, lofty_base_url=server.url, lofty_deadline=2.0
    )


def call(client: LoftyClient, method: str = "GET") -> LoftyError | None:
    try:
        client.me() if method == "GET" else client.put_settings({"id": 1})
    except LoftyError as error:
        return error
    return None


def test_twenty_failures__calls_stop_then_one_get_is_tried(
    acme: Tenant, settings: LazySettings, clock: list[float]
) -> None:
    with HostileServer(says(503, b"down")) as server:
        use(server, settings)
        client = client_of(acme)
        while not isinstance(error := call(client, "PUT"), CallsStopped):
            assert len(server.requests) <= 20
        assert len(server.requests) == 20
        assert error.sent is False
        assert isinstance(call(client), CallsStopped)
        assert len(server.requests) == 20
        clock[0] += 31
        assert isinstance(call(client, "PUT"), CallsStopped)
        assert len(server.requests) == 20
        server.behave = says(200, {})
        assert call(client) is None
        assert [request.method for request in server.requests[20:]] == ["GET"]
        server.behave = says(200, {"message": "ok"})
        assert call(client, "PUT") is None


def test_one_tenant_fails__another_continues(
    acme: Tenant, globex: Tenant, settings: LazySettings, clock: list[float]
) -> None:
    """The same Lofty answers one and fails for the other."""

    def by_token(connection: socket.socket, request: Request) -> None:
        works = "good-token" in request.headers["authorization"]
        says(200 if works else 500, {})(connection, request)

    with HostileServer(by_token) as server:
        use(server, settings)
        bad = client_of(acme)
        good = LoftyClient(endpoint(globex.pk), Scheme.OAUTH, "good-token")
        for _ in range(20):
            assert call(good) is None
            call(bad, "PUT")
        assert isinstance(call(bad), CallsStopped)
        assert call(good) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
def test_refusals__are_no_failures(
    acme: Tenant, settings: LazySettings, clock: list[float], status: int
) -> None:
    with HostileServer(says(status, {})) as server:
        use(server, settings)
        client = client_of(acme)
        for _ in range(25):
            assert not isinstance(call(client), CallsStopped)
        assert len(server.requests) == 25


@pytest.fixture
def lofty(practice: Sandbox, acme: Tenant) -> PracticeCustomer:
    editable = {name: value for name, value in EXAMPLE.items() if name != "id"}
    customer = PracticeCustomer.add(practice.url, "acme", settings=editable)
    set_connection(acme, unchecked_token(Scheme.OAUTH, customer.token), meant=True)
    return customer


def plan_for(tenant: Tenant, name: str) -> Plan:
    snapshot = read_live(tenant)
    return Plan.new(snapshot, {**snapshot.settings.raw, "assistantName": name})


@pytest.mark.django_db(transaction=True)
def test_calls_stop_between_intent_and_put__not_sent_and_lofty_got_nothing(
    lofty: PracticeCustomer, acme: Tenant, owner: User, clock: list[float]
) -> None:
    plan = plan_for(acme, "Nova")

    def lofty_fails(sender: object, instance: AuditEvent, **_: object) -> None:
        if instance.kind == Kind.SETTINGS_INTENT:
            for _attempt in range(20):
                call_limits.BREAKER.note(f"tenant:{acme.pk}", ok=False)

    post_save.connect(lofty_fails, sender=AuditEvent)
    try:
        operation = apply(acme, plan, "", user=owner)
    finally:
        post_save.disconnect(lofty_fails, sender=AuditEvent)
    assert operation.state == State.NOT_SENT
    assert "stopped calling" in operation.explanation
    assert lofty.puts == []
    kinds = AuditEvent.objects.order_by("seq").values_list("kind", "outcome")
    assert list(kinds)[-2:] == [("settings.intent", ""), ("settings.outcome", "not_sent")]


def as_request(user: User, act: Callable[[], None]) -> None:
    """Run `act` as a view does, inside a request of this user."""
    request = get_request()
    request.user = user

    def view(_: HttpRequest) -> HttpResponse:
        act()
        return HttpResponse()

    RequestContextMiddleware(ActorMiddleware(view))(request)


def ordinary_slots() -> int:
    return slots().total - max(1, slots().total // 4)


def take_all(stack: ExitStack, *, priority: bool = False) -> None:
    for number in range(slots().total if priority else ordinary_slots()):
        stack.enter_context(slots().slot(f"other:{number}", priority=priority))


def test_no_slot_for_a_page__says_so_with_the_last_known_settings(
    lofty: PracticeCustomer, acme: Tenant, browsers: Browsers
) -> None:
    SettingsSnapshot.objects.create(
        tenant=acme,
        **summary_fields({**EXAMPLE, "assistantName": "Nova Known"}),
        read_at=timezone.now(),
    )
    with ExitStack() as stack:
        take_all(stack)
        page = browsers.viewer.get("/t/acme/settings/")
    assert page.status_code == 503
    assert "too many requests are waiting for it" in page.content.decode()
    assert "Nova Known" in page.content.decode()
    assert "Nothing was sent to Lofty." in page.content.decode()
    assert browsers.viewer.get("/t/acme/settings/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_no_slot_for_a_page__one_is_left_for_a_save(
    lofty: PracticeCustomer, acme: Tenant, owner: User
) -> None:
    plan = plan_for(acme, "Nova")
    operations: list[Operation] = []
    with ExitStack() as stack:
        take_all(stack)
        as_request(owner, lambda: operations.append(apply(acme, plan, "")))
        assert slots().taken == ordinary_slots()
    assert operations[0].state == State.VERIFIED


@pytest.mark.django_db(transaction=True)
def test_no_slot_even_for_a_save__not_sent(
    lofty: PracticeCustomer, acme: Tenant, owner: User
) -> None:
    plan = plan_for(acme, "Nova")
    operations: list[Operation] = []
    with ExitStack() as stack:
        take_all(stack, priority=True)
        as_request(owner, lambda: operations.append(apply(acme, plan, "")))
    assert operations[0].state == State.NOT_SENT
    assert "too many requests are waiting" in operations[0].explanation
    assert lofty.puts == []
    assert slots().taken == 0


def test_jobs_and_commands__need_no_slot(lofty: PracticeCustomer, acme: Tenant) -> None:
    with ExitStack() as stack:
        take_all(stack, priority=True)
        assert read_live(acme).settings.get("assistantName")


def test_one_tenant_and_one_user__hold_a_few_slots_only(
    lofty: PracticeCustomer, acme: Tenant, globex: Tenant, owner: User, viewer: User
) -> None:
    refused: list[str] = []

    def read_as(key: str) -> None:
        with ExitStack() as stack:
            for _ in range(slots().per_key):
                stack.enter_context(slots().slot(key))
            try:
                read_live(acme)
            except NoFreeSlot:
                refused.append(key)

    as_request(owner, lambda: read_as(f"tenant:{acme.pk}"))
    as_request(owner, lambda: read_as(f"user:{owner.pk}"))
    as_request(owner, lambda: read_as(f"user:{viewer.pk}"))
    assert refused == [f"tenant:{acme.pk}", f"user:{owner.pk}"]


def test_a_test_of_the_token_without_a_slot__says_nothing_about_the_token(
    lofty: PracticeCustomer, acme: Tenant, owner: User
) -> None:
    def try_token(tenant: Tenant) -> None:
        token_store.test_connection(tenant)

    connection = acme.connections.get()
    before = (connection.health.status, connection.health.checked_at)
    with ExitStack() as stack:
        take_all(stack)
        with pytest.raises(NoFreeSlot):
            as_request(owner, lambda: try_token(acme))
    connection.refresh_from_db()
    assert (connection.health.status, connection.health.checked_at) == before
