"""The demo's week: the changes to the customers' settings before the demo is first opened.

The console's own services make all changes against the practice Lofty, which misbehaves where the
story needs it, so the records are those of a real week. Only the clock is changed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from lofty_admin.accounts.invitations import invite
from lofty_admin.accounts.models import User
from lofty_admin.accounts.services import deactivate_person
from lofty_admin.agentsettings.models import Operation
from lofty_admin.agentsettings.plans import Plan, Snapshot
from lofty_admin.agentsettings.reconcile import reconcile_all
from lofty_admin.agentsettings.services import apply
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.agentsettings.tasks import RECONCILING
from lofty_admin.audit.context import acting_as, person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import AuditEvent, AuditHead
from lofty_admin.audit.search.query import Filter
from lofty_admin.directory.names import give_name
from lofty_admin.directory.sync import advance, open_sync
from lofty_admin.history.export import Pieces, begin
from lofty_admin.history.models import Format
from lofty_admin.history.versions import sendable
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.access.grants import Scope, assign
from lofty_admin.tenants.access.memberships import grant, remove_member
from lofty_admin.tenants.credentials import health_probe
from lofty_admin.tenants.credentials.token_store import set_connection, test_connection
from lofty_admin.tenants.credentials.token_verification import check_token
from lofty_admin.tenants.groups import add_group
from lofty_admin.tenants.models import Group, Role, Tenant
from lofty_admin.tenants.services import change_tenant
from lofty_admin.tenants.tasks import PROBING
from tools.demo_tenants import add_users_and_tenants
from tools.past import Clock, bent_clock
from tools.practice_control import control
from tools.practice_lofty.seed import make_token

GROUPS = (("enterprise", "Enterprise plan"), ("texas", "Texas"), ("starter", "Starter plan"))
IN_GROUPS = {
    "kestrel-group": ("enterprise",),
    "meridian-worldwide": ("enterprise",),
    "nordlicht-allianz": ("enterprise",),
    "nunez-realty": ("texas", "starter"),
    "bluebonnet-brokers": ("texas",),
    "harbour-and-vine": ("starter",),
}
COLLEAGUES = (
    ("priya.raman@demo.example", "Priya Raman"),
    ("tom.whitaker@demo.example", "Tom Whitaker"),
    ("sam.castellano@demo.example", "Sam Castellano"),
)
LEAD_SOURCES = ("Open house forms", "Zillow")
WITH_NAMES = ("harbour-and-vine", "kestrel-group", "nunez-realty", "nordlicht-allianz")
DAYS_UNTIL_THE_END = 12  # of a token that ends soon
ELSEWHERE = "198.51.100."  # addresses for documentation (RFC 5737)


def is_wanted() -> bool:
    """Return whether the log is empty: the history must come before everything else."""
    return AuditHead.objects.get().seq == 0


def make(practice_url: str, password: str) -> None:
    """Write a week up to now into an empty log. Takes a few seconds; it cannot resume if killed."""
    if not is_wanted():
        raise RuntimeError("The log has records already. Nothing was done.")
    with bent_clock() as clock:
        week = Week(practice_url, password, clock, datetime.now(UTC))
        with week.unlimited_calls():
            for day in DAYS:
                day(week)
    with acting_as(PROBING):
        for connection in health_probe.in_use():
            health_probe.probe(connection)


@dataclass
class Week:
    """The story's tools. `ended`: the moment the demo is opened, in UTC."""

    practice: str
    password: str
    clock: Clock
    ended: datetime
    browsers: dict[str, Client] = field(default_factory=dict)

    def day(self, days_ago: int, hour: int, minute: int) -> None:
        """Set the clock to that hour, UTC. Days before yesterday's evening only: see `ago`."""
        midnight = self.ended.replace(hour=0, minute=0, second=0, microsecond=0)
        self.clock.set(midnight - timedelta(days=days_ago) + timedelta(hours=hour, minutes=minute))

    def ago(self, minutes: int) -> None:
        self.clock.set(self.ended - timedelta(minutes=minutes))

    @contextmanager
    def by(self, name: str) -> Iterator[User]:
        """Act as the user whose address begins with `name`."""
        user = who(name)
        with acting_as(person(user)):
            yield user

    def save(
        self, name: str, slug: str, reason: str, *, seen: Snapshot | None = None, **wanted: JSON
    ) -> Operation:
        """Save a change as the review page does, built from what the user `seen`, or from now."""
        with self.by(name):
            snapshot = seen or read_live(tenant(slug))
            plan = Plan.new(snapshot, {**snapshot.settings.raw, **wanted})
            return apply(tenant(slug), plan, reason)

    def look(self, name: str, slug: str) -> Snapshot:
        with self.by(name):
            return read_live(tenant(slug))

    def reconcile(self) -> None:
        with acting_as(RECONCILING):
            reconcile_all()

    def probe_all(self) -> None:
        with acting_as(PROBING):
            for connection in health_probe.in_use():
                health_probe.probe(connection)

    def misbehave(self, slug: str, kind: str, **parameters: object) -> None:
        """Make the practice Lofty misbehave once, at the next PUT."""
        wish = {"kind": kind, "on": "PUT", "times": 1, **parameters}
        control(self.practice, "POST", f"customers/{slug}/faults", wish)

    def change(self, slug: str, **what: object) -> None:
        control(self.practice, "PATCH", f"customers/{slug}", what)

    def change_in_lofty(self, slug: str, **settings: JSON) -> None:
        self.change(slug, settings=settings)

    def sign_in(self, name: str, *, password: str = "") -> None:
        address = f"{ELSEWHERE}{10 + len(self.browsers)}"
        browser = Client(REMOTE_ADDR=address, SERVER_NAME="127.0.0.1")
        form = {"login": who(name).email, "password": password or self.password}
        browser.post("/accounts/login/", form)
        self.browsers[name] = browser

    def sign_out(self, name: str) -> None:
        self.browsers[name].post("/accounts/logout/")

    @contextmanager
    def unlimited_calls(self) -> Iterator[None]:
        """Lift the limits per minute for the block: a week of calls is made in seconds."""
        customers = control(self.practice, "GET", "customers")["customers"]
        limits = {one["slug"]: one["tokens"][0]["rate_limit"] for one in customers}
        for slug in limits:
            self.change(slug, rate_limit=1_000_000)
        yield
        for slug, limit in limits.items():
            self.change(slug, rate_limit=limit, rate_used=0)


def tenant(slug: str) -> Tenant:
    return Tenant.objects.get(slug=slug)


def who(name: str) -> User:
    return User.objects.get(email__startswith=name)


def settings_of(snapshot: Snapshot) -> Mapping[str, Any]:
    return snapshot.settings.raw


# --- The week, day by day -------------------------------------------------------------------------
def first_day(week: Week) -> None:
    """Set up users, tenants, groups, rights, and names."""
    week.day(7, 14, 5)
    add_users_and_tenants()
    week.sign_in("admin")
    with week.by("admin"):
        colleagues = [
            User.objects.add_person(email, name=name, password=None) for email, name in COLLEAGUES
        ]
        _groups()
        week.day(7, 14, 40)
        _rights(*colleagues)
    week.day(7, 15, 2)
    with week.by("manager"):
        for slug in WITH_NAMES:
            advance(open_sync(tenant(slug)).pk)
        sources = settings_of(read_live(tenant("harbour-and-vine")))["leadSources"]
        for number, name in zip(sources, LEAD_SOURCES, strict=True):
            give_name(tenant("harbour-and-vine"), number, name)
    week.day(7, 15, 30)
    week.probe_all()
    week.sign_out("admin")
    week.day(7, 16, 10)
    week.save(
        "editor",
        "harbour-and-vine",
        "Zoë's hours as agreed at the kick-off",
        startActiveHour=9,
        endActiveHour=19,
    )


def _groups() -> None:
    groups = {slug: add_group(slug=slug, name=name) for slug, name in GROUPS}
    for slug, names in IN_GROUPS.items():
        one = tenant(slug)
        change_tenant(one, name=one.name, note=one.note, groups=[groups[n] for n in names])


def _rights(priya: User, tom: User, sam: User) -> None:
    assign(priya, Scope(group=Group.objects.get(slug="enterprise")), Role.EDITOR)
    assign(tom, Scope(group=Group.objects.get(slug="texas")), Role.VIEWER)
    grant(tenant("harbour-and-vine"), sam, Role.EDITOR)


def second_day(week: Week) -> None:
    """Make three ordinary changes, all as requested."""
    week.day(6, 15, 5)
    week.save(
        "editor",
        "nunez-realty",
        "Marisol's mail of this morning",
        agentExperience="Bilingual, 15 years in Travis and Hays County",
    )
    week.day(6, 16, 30)
    agents = settings_of(week.look("priya", "kestrel-group"))["agentIds"]
    week.save("priya", "kestrel-group", "Two agents left (ticket 4182)", agentIds=agents[:-2])
    week.day(6, 18, 20)
    week.save(
        "manager",
        "harbour-and-vine",
        "No texts over the long weekend, asked for by phone",
        textChannel=False,
    )


def third_day(week: Week) -> None:
    """Lofty confirms a change but does not apply it; a user changes settings in Lofty itself."""
    week.day(5, 14, 15)
    week.misbehave("nordlicht-allianz", "ignore")
    name = "The agency calls her Anna now (ticket 4201)"
    week.save("editor", "nordlicht-allianz", name, assistantName="Anna")
    for minute in (18, 25):  # looked at twice before it counts as not applied
        week.day(5, 14, minute)
        week.reconcile()
    week.day(5, 14, 31)
    week.save("editor", "nordlicht-allianz", name, assistantName="Anna")
    week.day(5, 15, 40)
    _open_as_a_stranger(week)
    week.change_in_lofty("harbour-and-vine", startActiveHour=11, agentExperience="Since 2009")
    week.day(5, 16, 44)
    week.look("viewer", "harbour-and-vine")


def _open_as_a_stranger(week: Week) -> None:
    week.sign_in("outsider")
    week.browsers["outsider"].get("/t/harbour-and-vine/settings/")
    week.sign_out("outsider")


def fourth_day(week: Week) -> None:
    """Restore older settings; a token fails for an hour; Lofty refuses a change."""
    week.day(4, 13, 50)
    _go_back(week)
    week.day(4, 14, 55)
    seen = week.look("priya", "kestrel-group")
    token = control(week.practice, "GET", "customers/kestrel-group")["tokens"][0]["token"]
    week.change("kestrel-group", tokens=[{"token": token, "revoked": True}])
    week.day(4, 15, 7)
    week.probe_all()
    week.day(4, 15, 20)
    experience = "A family firm since 1987, 140 agents in three states"
    week.save(
        "priya", "kestrel-group", "New line for spring", seen=seen, agentExperience=experience
    )
    week.change("kestrel-group", tokens=[{"token": token, "revoked": False}])
    week.day(4, 16, 12)
    with week.by("manager"):
        test_connection(tenant("kestrel-group"))
    week.day(4, 16, 25)
    week.save("priya", "kestrel-group", "New line for spring", agentExperience=experience)
    week.day(4, 17, 30)
    refusal = {"code": "INVALID_PARAMETER", "message": "fixedNumber cannot be reached."}
    week.misbehave("quixote-estates", "status", code=400, body=refusal)
    week.save("editor", "quixote-estates", "Their new office line", fixedNumber="+15125550177")


def _go_back(week: Week) -> None:
    """Restore the settings before an event, as *Restore this state* does, over current ones."""
    last = AuditEvent.objects.filter(
        tenant_slug="harbour-and-vine", kind=Kind.SETTINGS_OUTCOME, outcome=Outcome.VERIFIED
    ).latest("seq")
    reason = f"Restore the state before the change on {last.at:%Y-%m-%d %H:%M} UTC"
    week.save("editor", "harbour-and-vine", reason, seen=None, **sendable(last, "before"))


def fifth_day(week: Week) -> None:
    """Send an invitation; replace a token; lose an answer, and find it again."""
    week.day(3, 14, 10)
    week.sign_in("editor", password="not the right password")  # noqa: S106 - it is none
    with week.by("admin"):
        invite("dana.okafor@demo.example", page="http://127.0.0.1/accounts/invitation/")
    week.day(3, 15, 4)
    _replace_token(week)
    week.day(3, 16, 20)
    week.misbehave("harbour-and-vine", "drop_after")
    week.save(
        "editor",
        "harbour-and-vine",
        "Their own staff writes to visitors for now (ticket 4230)",
        visitorsEnable=False,
    )
    week.day(3, 16, 21)
    week.reconcile()


def _replace_token(week: Week) -> None:
    """Replace the token with one that reports its expiry."""
    ends = week.ended + timedelta(days=DAYS_UNTIL_THE_END, hours=6)
    token = make_token("nunez-realty-next", "api_key", ends.timestamp())
    new = {"token": token, "scheme": "api_key", "expires_at": ends.timestamp()}
    week.change("nunez-realty", tokens=[{**new, "rate_limit": 1_000_000}])
    with week.by("manager"):
        checked = check_token(Scheme.API_KEY, token)
        set_connection(tenant("nunez-realty"), checked, meant=True)


def sixth_day(week: Week) -> None:
    """Two users save at once; one user leaves."""
    week.day(2, 14, 40)
    seen = week.look("priya", "kestrel-group")
    week.change_in_lofty("kestrel-group", assistantName="Anna K.")
    week.day(2, 14, 47)
    rent = "Kestrel takes rentals from this month on"
    week.save("priya", "kestrel-group", rent, seen=seen, rentalBusiness=True)
    week.day(2, 14, 52)
    week.save("priya", "kestrel-group", rent, rentalBusiness=True)
    week.day(2, 16, 0)
    with week.by("admin"):
        sam = who("sam")
        remove_member(tenant("harbour-and-vine").memberships.get(user=sam))
        deactivate_person(sam)


def seventh_day(week: Week) -> None:
    """No request reaches Lofty; the week is exported to a file."""
    week.day(1, 15, 20)
    week.save(
        "manager",
        "meridian-worldwide",
        "No messages on Sundays, by their compliance office",
        activeDays=[1, 2, 3, 4, 5, 6],
    )
    week.day(1, 16, 45)
    week.misbehave("harbour-and-vine", "drop_before")
    week.save("editor", "harbour-and-vine", "A new name for the spring", assistantName="Flora")
    for minute in (46, 49):
        week.day(1, 16, minute)
        week.reconcile()
    week.day(1, 19, 30)
    with week.by("admin") as ada:
        everything = Filter(None)
        export = begin(ada, everything, Format.CSV, query="", words="no filter", tenant=None)
        for _ in Pieces(export, everything):
            pass


def today(week: Week) -> None:
    """Make one change whose outcome is unknown, and two that succeed."""
    week.ago(170)
    week.misbehave("nordlicht-allianz", "drop_after")
    week.save("priya", "nordlicht-allianz", "Back to her old name", assistantName="Ännchen")
    week.change_in_lofty("nordlicht-allianz", assistantName="Annika")
    week.ago(168)
    week.reconcile()
    week.ago(95)
    week.sign_in("manager")
    week.save("editor", "kestrel-group", "Earlier evenings in winter", startActiveHour=19)
    week.ago(40)
    week.save(
        "manager",
        "harbour-and-vine",
        "Mails bounce at their provider: off until that is mended",
        emailChannel=False,
    )
    week.sign_out("manager")


DAYS = (
    first_day,
    second_day,
    third_day,
    fourth_day,
    fifth_day,
    sixth_day,
    seventh_day,
    today,
)
