"""Practice customers: how one of any size is made, and the ten that `--seed` adds.

Everything follows from the slug and the numbers: the same specification, the same data.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tools.practice_lofty import names
from tools.practice_lofty.store import Credential, Customer, Options, Scheme, Settings, Store

OrgKind = Literal["enterprise", "no_permission", "multi_team"]
ZONES = ("America/Los_Angeles", "America/Chicago", "America/New_York", "America/Toronto")
PERSONAL_KEY, DEVELOPMENT_APP, PRODUCTION_APP, NO_LIMIT = 10, 100, 500, 1_000_000
"""calls per minute"""
FAR_FUTURE, LONG_PAST = 4_102_444_800, 1_704_067_200
"""epoch seconds: 2100-01-01, 2024-01-01"""
DEMO_APP = {
    "client_id": "practice-app",
    "client_secret": "practice-app-secret",
    "name": "Practice app",
    "redirect_url": "http://127.0.0.1/oauth/callback",
    "rate_limit": DEVELOPMENT_APP,
    "expires_in": 86_400,
    "scopes": None,
}


@dataclass(frozen=True)
class Spec:
    """What to make. Ids are numbered from `first_id`; 0 takes one that follows from the slug."""

    slug: str
    name: str
    scheme: Scheme = "oauth"
    token: str = ""
    rate_limit: int = NO_LIMIT
    scopes: tuple[str, ...] | None = None
    expires_at: float | None = None
    revoked: bool = False
    app: str = ""
    """the app whose calls per minute it shares, "" for none"""
    short_member_ids: bool = False
    """the directory gives members short ids, the settings name them by the long ones"""
    members: int = 5
    offices: int = 1
    ponds: int = 2
    pipelines: int = 4
    org: OrgKind = "enterprise"
    selected: int = 2
    first_id: int = 0
    has_agent: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)

    @property
    def base(self) -> int:
        return self.first_id or 1_000_000 * (1 + zlib.crc32(self.slug.encode()) % 9000)

    @property
    def agent_id(self) -> int:
        return self.base + 1

    def member_id(self, number: int) -> int:
        return self.base + 1_000 + 7 * number

    def member_ids(self, count: int) -> list[int]:
        return [self.member_id(n) for n in range(count)]

    def office_ids(self, count: int) -> list[int]:
        return [self.base + 100_000 + 3 * n for n in range(count)]

    def pond_ids(self, count: int) -> list[int]:
        return [self.base + 200_000 + n for n in range(count)]

    def pipeline_ids(self, count: int) -> list[int]:
        return [self.base + 300_000 + n for n in range(count)]


@dataclass(frozen=True)
class DemoCustomer:
    """What the demo tells the console: `scheme` is "api_key" or "oauth"."""

    slug: str
    name: str
    scheme: Scheme
    token: str
    note: str


def make_token(slug: str, scheme: Scheme, expires_at: float = FAR_FUTURE) -> str:
    """An API key looks like a JWS with an expiry, an OAuth token like nothing in particular."""
    digest = hashlib.sha256(f"{scheme}/{slug}".encode()).digest()
    if scheme == "oauth":
        return f"practice-{_base64(digest)}"
    claims = {"sub": slug, "iss": "practice Lofty", "exp": int(expires_at)}
    parts = (_base64(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return ".".join((*parts, _base64(digest)))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def build(spec: Spec) -> Customer:
    offices = _make_offices(spec)
    members = [_make_member(spec, n, offices) for n in range(spec.members)]
    credential = Credential(
        token=spec.token or make_token(spec.slug, spec.scheme, spec.expires_at or FAR_FUTURE),
        slug=spec.slug,
        scheme=spec.scheme,
        rate_limit=spec.rate_limit,
        scopes=spec.scopes,
        expires_at=spec.expires_at,
        revoked=spec.revoked,
        client_id=spec.app or None,
    )
    return Customer(
        slug=spec.slug,
        name=spec.name,
        agent_id=spec.agent_id,
        settings=_make_settings(spec) if spec.has_agent else None,
        options=spec.options,
        me=members[0] if members else _make_member(spec, 0, offices),
        org=_make_org(spec, offices),
        ponds=_make_ponds(spec),
        pipelines=[
            {"id": number, "name": names.pipeline(n)}
            for n, number in enumerate(spec.pipeline_ids(spec.pipelines))
        ],
        quota=_make_quota(spec),
        members=members,
        credentials=(credential,),
    )


def _make_settings(spec: Spec) -> Settings:
    """All 25 properties, unless the specification leaves some out."""
    picked = spec.selected
    settings: Settings = {
        "id": spec.agent_id,
        "assistantName": "Anna",
        "headUrl": f"https://images.example.com/{spec.slug}/avatar.jpg",
        "virtualNumber": "+15125550142",
        "virtualNumberCountry": "US",
        "callTransferType": "ToAssignedAgent",
        "fixedNumber": "+15125550199",
        "agentExperience": "10 years in real estate",
        "rentalBusiness": False,
        "websiteChannel": True,
        "textChannel": True,
        "emailChannel": True,
        "startActiveHour": 8,
        "endActiveHour": 20,
        "activeDays": [1, 2, 3, 4, 5],
        "leadTypes": [1, 2],
        "leadSources": [spec.base + 400_000 + n for n in range(picked)],
        "leadPipelines": spec.pipeline_ids(min(picked, spec.pipelines)),
        "agentIds": spec.member_ids(min(picked, spec.members)) or [-1],
        "officeIds": spec.office_ids(min(picked, spec.offices)) or [-1],
        "leadPondIds": spec.pond_ids(min(picked, spec.ponds)) or [-1],
        "newLeadEnable": True,
        "visitorsEnable": True,
        "followUpRole": "AI",
        "hostedStatus": "ACTIVE",
    }
    settings.update(spec.settings)
    return {name: value for name, value in settings.items() if name not in spec.without}


def _make_member(spec: Spec, number: int, offices: list[dict[str, object]]) -> dict[str, object]:
    first, last = names.person(number + zlib.crc32(spec.slug.encode()) % 97)
    office = offices[number % len(offices)] if offices else {}
    return {
        "id": 11 + number,
        "teamId": spec.base,
        "invitorUserId": spec.member_id(0),
        "memberUserId": 11 + number if spec.short_member_ids else spec.member_id(number),
        "role": 0 if number else 1,
        "roleName": "Agent" if number else "Owner",
        "firstLetter": last[0].upper(),
        "email": f"agent{number + 1}@{spec.slug}.example.com",
        "firstName": first,
        "lastName": last,
        "phoneNumber": f"+1512555{number % 10_000:04}",
        "status": 1,
        "virtualNumber": "" if number % 3 else f"+1737555{number % 10_000:04}",
        "newLeadCount": number % 6,
        "assignedLeadCount": number * 13 % 180,
        "isAdmin": number == 0,
        "timeZoneId": ZONES[zlib.crc32(spec.slug.encode()) % len(ZONES)],
        "groupId": office.get("groupId"),
        "groupName": office.get("groupName"),
        "accountStatus": "ACTIVE" if number % 40 != 39 else "INACTIVE",
    }


def _make_offices(spec: Spec) -> list[dict[str, object]]:
    """A tree: the brokerage, under it regions, under these the offices, twelve to a region."""
    ids = spec.office_ids(spec.offices)
    regions = max(1, len(ids) // 12)
    return [
        {
            "groupId": number,
            "groupName": names.office(n) if n else spec.name,
            "parentId": _parent_of(n, ids, regions),
        }
        for n, number in enumerate(ids)
    ]


def _parent_of(number: int, ids: list[int], regions: int) -> int:
    if number == 0:
        return -1
    return ids[0] if number <= regions else ids[1 + number % regions]


def _make_org(spec: Spec, offices: list[dict[str, object]]) -> dict[str, object]:
    if spec.org == "multi_team":
        team = {"multiTeamId": spec.base + 2, "multiTeamName": spec.name}
        return {"orgType": 1, "multiTeamInfo": team}
    own = offices[0] if offices else {"groupId": spec.base + 3, "groupName": spec.name}
    info = {
        "groupId": own["groupId"],
        "groupName": own["groupName"],
        "profileId": spec.base + 4,
        "profileName": "Administrator" if spec.org == "enterprise" else "Agent",
        "visibleOrgInfoList": offices if spec.org == "enterprise" else [],
    }
    return {"orgType": 0, "enterpriseInfo": info}


def _make_ponds(spec: Spec) -> list[dict[str, object]]:
    agents = spec.member_ids(max(1, spec.members))
    return [
        {
            "id": number,
            "pondName": names.pond(n),
            "pondOwnerId": agents[n % len(agents)],
            "agentIds": [agents[(n + step) % len(agents)] for step in range(min(4, len(agents)))],
        }
        for n, number in enumerate(spec.pond_ids(spec.ponds))
    ]


def _make_quota(spec: Spec) -> dict[str, object]:
    total = 100 * max(1, spec.members // 10)
    used = total * (zlib.crc32(spec.slug.encode()) % 100) // 100
    return {
        "totalQuota": total,
        "usedQuota": used,
        "remainingQuota": total - used,
        "hasQuotaAvailable": used < total,
        "usagePercentage": 100 * used / total,
        "isBorrowed": False,
        "borrowLevel": "SELF",
        "borrowedFrom": -1,
    }


GIANT_ID = 844_424_930_000_000
_NOTES_AND_SPECS: tuple[tuple[str, Spec], ...] = (
    (
        "A solo agent: personal API key, 10 calls a minute",
        Spec(
            "nunez-realty",
            "Marisol Núñez Realty",
            scheme="api_key",
            rate_limit=PERSONAL_KEY,
            members=1,
            offices=0,
            ponds=0,
            org="no_permission",
            settings={
                "assistantName": "Lucía",
                "agentExperience": "Bilingual, 14 years in Travis County",
                "officeIds": [-1],
                "leadPondIds": [-1],
                "leadSources": [],
                "leadPipelines": [],
            },
        ),
    ),
    (
        "A small team: OAuth, app in development mode, 100 calls a minute",
        Spec(
            "harbour-and-vine",
            "Harbour & Vine Homes",
            rate_limit=DEVELOPMENT_APP,
            members=12,
            offices=2,
            ponds=3,
            pipelines=12,
            settings={"assistantName": "Zoë", "rentalBusiness": True, "leadTypes": [1, 2, 5]},
        ),
    ),
    (
        "An enterprise with a tree of offices",
        Spec(
            "kestrel-group",
            "Kestrel Group Real Estate",
            rate_limit=PRODUCTION_APP,
            members=140,
            offices=26,
            ponds=18,
            pipelines=14,
            selected=5,
            settings={"startActiveHour": 20, "endActiveHour": 6, "activeDays": []},
        ),
    ),
    (
        "A multi-team group: offices only by its members; lists come back in another order",
        Spec(
            "nordlicht-allianz",
            "Nordlicht Immobilien-Allianz 北極光",
            rate_limit=PRODUCTION_APP,
            members=60,
            offices=7,
            ponds=9,
            pipelines=23,
            org="multi_team",
            selected=3,
            options=Options(
                oversize="refuse",
                member_maximum=50,
                metadata_key="get_metadata",
                shuffle_lists=True,
            ),
            settings={"assistantName": "Ännchen", "virtualNumberCountry": "CA"},
        ),
    ),
    (
        "The giant: 5,000 members, 300 offices, 500 ponds, ids of 15 digits",
        Spec(
            "meridian-worldwide",
            "Meridian Worldwide Brokerage",
            rate_limit=PRODUCTION_APP,
            members=5_000,
            offices=300,
            ponds=500,
            pipelines=64,
            selected=40,
            first_id=GIANT_ID,
            settings={"assistantName": "Mei 美", "activeDays": [0, 1, 2, 3, 4, 5, 6]},
        ),
    ),
    (
        "Its API key has expired: every call answers 401",
        Spec(
            "fairfield-homes",
            "Fairfield Homes",
            scheme="api_key",
            rate_limit=PERSONAL_KEY,
            expires_at=LONG_PAST,
        ),
    ),
    (
        "Has no Sales Agent: the settings answer 404",
        Spec(
            "larkspur-living",
            "Larkspur Living",
            scheme="api_key",
            rate_limit=DEVELOPMENT_APP,
            members=3,
            has_agent=False,
        ),
    ),
    (
        "Unexpected values: nulls, unknown words and IDs, an invalid number, an empty access list",
        Spec(
            "quixote-estates",
            "Quixote Estates — Ñandú & Søn",
            scheme="api_key",
            rate_limit=DEVELOPMENT_APP,
            members=8,
            settings={
                "assistantName": None,
                "virtualNumber": "+1234567890",
                "virtualNumberCountry": "XX",
                "callTransferType": "ToVoicemailAfterBeep",
                "fixedNumber": "ask Pilar (ext. 7)",
                "agentExperience": None,
                "startActiveHour": 9,
                "endActiveHour": 9,
                "emailChannel": None,
                "leadTypes": [2, 77],
                "leadSources": [1002],
                "agentIds": [-1, 101],
                "officeIds": [1002],
                "leadPondIds": [],
                "followUpRole": "Committee",
            },
            without=("visitorsEnable", "headUrl"),
        ),
    ),
    (
        "Its app lacks the right to use the settings: 403",
        Spec(
            "bluebonnet-brokers",
            "Bluebonnet Brokers",
            rate_limit=DEVELOPMENT_APP,
            members=6,
            scopes=("me", "members", "org", "ponds", "pipelines"),
        ),
    ),
    (
        "Its settings name agents by 15-digit ids, its directory by short ones",
        Spec(
            "alder-and-pine",
            "Alder & Pine Realty",
            rate_limit=DEVELOPMENT_APP,
            members=9,
            offices=1,
            short_member_ids=True,
            first_id=GIANT_ID + 1_000_000,
            settings={"assistantName": "Juniper"},
        ),
    ),
)


def customers() -> list[DemoCustomer]:
    """The seeded customers with their tokens, broken ones included. Slugs do not change."""
    return [
        DemoCustomer(
            spec.slug,
            spec.name,
            spec.scheme,
            make_token(spec.slug, spec.scheme, spec.expires_at or FAR_FUTURE),
            note,
        )
        for note, spec in _NOTES_AND_SPECS
    ]


def seed(store: Store) -> None:
    """Add the customers and the app that are not there yet; those that are stay as they are."""
    present = set(store.slugs())
    for _, spec in _NOTES_AND_SPECS:
        if spec.slug not in present:
            store.add_customer(build(spec))
    with store.transaction() as db:
        db.execute("INSERT OR IGNORE INTO apps VALUES (?,?,?,?,?,?,?)", tuple(DEMO_APP.values()))
