"""What the pickers fetch: whole offices, the office tree, pasted lists."""

import json

import pytest
from django.test import Client

from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory import views
from lofty_admin.directory.bulk_lookup import is_list
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.tenants.models import Tenant
from tests.support.users import Browsers

SEARCH, PASTED = "/t/acme/names/agent/search", "/t/acme/names/agent/pasted"
PICKED = "/t/acme/names/agent/picked"
OF_OFFICE = "/t/acme/names/{}/office/{}"
HOSTILE = ["<img src=x onerror=alert(1)>", "</script>", "{{7*7}}", "\u202eevil", "'; DROP TABLE x"]


@pytest.fixture
def downtown(acme: Tenant) -> Tenant:
    """North with Downtown under it; two agents in each, one whose office is not known."""
    rows = [
        (EntryKind.OFFICE, 1, "North", "", 0),
        (EntryKind.OFFICE, 2, "Downtown", "North", 1),
        (EntryKind.AGENT, 11, "Anna North", "anna@x.example · North", 1),
        (EntryKind.AGENT, 12, "Bob North", "bob@x.example · North", 1),
        (EntryKind.AGENT, 21, "Cara Smith", "cara@x.example · Downtown", 2),
        (EntryKind.AGENT, 22, "Dan Smith", "dan@x.example · Downtown", 2),
        (EntryKind.AGENT, 31, "Eve Smith", "eve@x.example", None),
    ]
    Entry.objects.keep([Entry.build(acme, *row) for row in rows])
    return acme


def get(client: Client, path: str, **query: str) -> dict[str, object]:
    answer = client.get(path, query)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    told: dict[str, object] = answer.json()
    return told


def test_search__an_offices_name__offers_its_agents_as_a_whole(
    browsers: Browsers, downtown: Tenant
) -> None:
    told = get(browsers.viewer, SEARCH, q="downtown")
    whole = {"id": "2", "name": "Downtown", "detail": "North", "gone": False, "agents": 2}
    assert told["offices"] == [whole]
    assert [item["id"] for item in told["items"]] == ["21", "22"]  # type: ignore[attr-defined]
    assert (told["office_unknown"], told["more"]) == (1, False)
    nothing = get(browsers.viewer, SEARCH, q="smith")
    assert (nothing["offices"], nothing["office_unknown"]) == ([], 0)


def test_search__offices__tree_with_how_many_are_below(
    browsers: Browsers, downtown: Tenant
) -> None:
    told = get(browsers.viewer, "/t/acme/names/office/search")
    north = {"id": "1", "name": "North", "detail": "", "gone": False, "depth": 0, "below": 1}
    below = {"id": "2", "name": "Downtown", "detail": "North", "gone": False, "depth": 1}
    assert told == {"items": [north, {**below, "below": 0}], "more": False, "why": "", "id": ""}
    found = get(browsers.viewer, "/t/acme/names/office/search", q="DOWN")
    assert found["items"] == [{**below, "below": 0}]


def test_search__many__fifty_rows_and_that_there_are_more(browsers: Browsers, acme: Tenant) -> None:
    offices = [Entry.build(acme, EntryKind.OFFICE, n, f"Town {n}", "", 0) for n in range(1, 80)]
    agents = [
        Entry.build(acme, EntryKind.AGENT, n, f"Town {n}", "", n % 79 + 1) for n in range(100, 300)
    ]
    Entry.objects.keep([*offices, *agents])
    told = get(browsers.viewer, SEARCH, q="town")
    assert (len(told["offices"]), len(told["items"])) == (5, 45)  # type: ignore[arg-type]
    assert told["more"] is True
    told = get(browsers.viewer, "/t/acme/names/office/search")
    assert (len(told["items"]), told["more"]) == (50, True)  # type: ignore[arg-type]


def test_office__agents_or_offices_below__of_it_alone(
    browsers: Browsers, downtown: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = get(browsers.viewer, OF_OFFICE.format("agent", 1))
    assert [item["id"] for item in told["items"]] == ["11", "12"]  # type: ignore[attr-defined]
    assert told["office_unknown"] == 1
    told = get(browsers.viewer, OF_OFFICE.format("office", 1))
    assert [item["name"] for item in told["items"]] == ["Downtown"]  # type: ignore[attr-defined]
    monkeypatch.setattr(views, "MOST_AT_ONCE", 1)
    refused = browsers.viewer.get(OF_OFFICE.format("agent", 1))
    assert refused.status_code == 400
    assert "North has more than 1, which is too many" in refused.json()["error"]


@pytest.mark.parametrize(
    "path", [OF_OFFICE.format(*which) for which in [("pond", 1), ("shoe", 1), ("agent", 2**70)]]
)
def test_office__invalid_address__404(browsers: Browsers, downtown: Tenant, path: str) -> None:
    assert browsers.viewer.get(path).status_code == 404


def test_office__another_tenants__404_and_recorded(
    browsers: Browsers, acme: Tenant, globex: Tenant
) -> None:
    Entry.objects.keep([Entry.build(globex, EntryKind.OFFICE, 9, "Globex Tower", "", 0)])
    answer = browsers.viewer.get(OF_OFFICE.format("agent", 9))
    assert answer.status_code == 404
    assert "Globex" not in answer.content.decode()
    assert AuditEvent.objects.get(kind="access.refused").tenant_id == acme.pk


def test_pasted__mixed_list__each_in_its_place(browsers: Browsers, downtown: Tenant) -> None:
    Entry.objects.filter(lofty_id=22).update(detail="cara@x.example")
    text = "11; Bob <BOB@x.example>\n1002 cara@x.example\n11," + "\n".join(HOSTILE)
    told = browsers.viewer.post(PASTED, {"text": text}).json()
    assert [item["id"] for item in told["found"]] == ["11", "12"]
    assert (told["repeated"], told["unknown"]) == (1, ["1002"])
    (ambiguous,) = told["ambiguous"]
    assert (ambiguous["text"], ambiguous["count"]) == ("cara@x.example", 2)
    assert [item["id"] for item in ambiguous["items"]] == ["21", "22"]
    # Split at the semicolon; the invisible sign that turns text around is left out.
    rest = ["evil", "'", "DROP TABLE x"]
    assert told["not_found"] == [*HOSTILE[:3], *rest]


def test_pasted__ten_thousand__answered_and_one_more_refused_in_words(
    browsers: Browsers, downtown: Tenant
) -> None:
    ids = [844424930000000 + number for number in range(10_000)]
    told = browsers.viewer.post(PASTED, {"text": ",".join(map(str, ids))})
    assert len(told.json()["unknown"]) == 10_000
    refused = browsers.viewer.post(PASTED, {"text": ",".join(map(str, [*ids, 7]))})
    assert refused.status_code == 400
    assert "10,001 entries. At most 10,000" in refused.json()["error"]
    assert browsers.viewer.post(PASTED, {"text": "x" * 3_000_000}).status_code == 400


@pytest.mark.parametrize("data", [{}, {"text": ""}, {"text": "\x00\x00"}, {"other": "7"}])
def test_pasted__nothing_in_it__nothing_found(
    browsers: Browsers, acme: Tenant, data: dict[str, str]
) -> None:
    told = json.loads(browsers.viewer.post(PASTED, data).content)
    nothing: list[object] = []
    assert told == {
        "is_list": False,
        "found": nothing,
        "repeated": 0,
        "unknown": nothing,
        "ambiguous": nothing,
        "not_found": nothing,
    }


LISTS = [
    *("101, 102", "101 102", "101\t102", "101;Bob Who", "101，102", "1,234,567", "1.234.567"),
    *(
        "bob@x.example, Anna",
        "Bob Who <bob@x.example>",
        "Bob Who\nAnna Lee",
        "\ufeff101\u2060, 102",
    ),
]
SEARCHES = [
    "",
    "Anna",
    "Lee, Anna",
    "101",
    "bob@x.example",
    "Unit 12",
    "Suite 1.234",
    "<bob@x.example>",
]


@pytest.mark.parametrize("text", LISTS)
def test_is_list__several_ids_emails_or_lines__list(text: str) -> None:
    assert is_list(text)


@pytest.mark.parametrize("text", SEARCHES)
def test_is_list__one_name_id_or_email__search(text: str) -> None:
    assert not is_list(text)


def test_pasted__text_to_search_for__says_so(browsers: Browsers, downtown: Tenant) -> None:
    assert browsers.viewer.post(PASTED, {"text": "Unit 12"}).json()["is_list"] is False
    assert browsers.viewer.post(PASTED, {"text": "11, 12"}).json()["is_list"] is True


@pytest.mark.parametrize(
    ("text", "id_"), [(" 1002 ", "1002"), ("0", ""), ("10 02", ""), ("9" * 20, "")]
)
def test_search__text_that_is_an_id__says_which(
    browsers: Browsers, downtown: Tenant, text: str, id_: str
) -> None:
    assert get(browsers.viewer, SEARCH, q=text)["id"] == id_


def test_picked__ids__named_in_their_order_known_or_not(
    browsers: Browsers, downtown: Tenant
) -> None:
    sent = {"ids": f"21,1002,11,-1,{'9' * 20},nonsense"}
    items = browsers.viewer.post(PICKED, sent).json()["items"]
    assert [item["id"] for item in items] == ["21", "1002", "11", "-1", "9" * 20]
    assert [item["name"] for item in items[:3]] == ["Cara Smith", "unknown (1002)", "Anna North"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", ["11", "21", "41", "1002"]),
        ("NUNEZ", ["41"]),
        ("x.example north", ["11"]),
        ("100", ["1002"]),
        ("%", []),
    ],
)
def test_picked__searched__by_the_same_rule_as_everywhere(
    browsers: Browsers, downtown: Tenant, text: str, ids: list[str]
) -> None:
    Entry.objects.keep([Entry.build(downtown, EntryKind.AGENT, 41, "Zoë Núñez", "zoe@x.example")])
    items = browsers.viewer.post(PICKED, {"ids": "11,21,41,1002", "q": text}).json()["items"]
    assert [item["id"] for item in items] == ids


def test_picked__more_than_ten_thousand__refused(browsers: Browsers, downtown: Tenant) -> None:
    ids = ",".join(map(str, range(1, 10_002)))
    assert browsers.viewer.post(PICKED, {"ids": ids}).status_code == 400


def test_pasted__without_the_forms_token__refused(browsers: Browsers, downtown: Tenant) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = browsers.viewer.cookies
    assert client.post(PASTED, {"text": "11"}).status_code == 403
