"""The seeded practice customers."""

import time
import unicodedata
from pathlib import Path
from typing import Any

from tests.support.practice_caller import SETTINGS, Caller
from tools.practice_lofty import names, seed
from tools.practice_lofty.server import Sandbox
from tools.practice_lofty.store import Store

STATUS_OF = {"fairfield-homes": 401, "larkspur-living": 404, "bluebonnet-brokers": 403}
EVERYTHING = (
    "SELECT * FROM customers",
    "SELECT * FROM members",
    "SELECT * FROM credentials",
    "SELECT * FROM apps",
)
SCHEMES = {"api_key": "token", "oauth": "Bearer"}


def _authorization(slug: str) -> str:
    [customer] = [each for each in seed.customers() if each.slug == slug]
    return f"{SCHEMES[customer.scheme]} {customer.token}"


def _get(seeded: Sandbox, slug: str, path: str) -> Any:
    return Caller(seeded.port).get(path, _authorization(slug)).json


def test_seed__every_customer__answers_as_designed(seeded: Sandbox) -> None:
    for customer in seed.customers():
        reply = Caller(seeded.port).get(SETTINGS, _authorization(customer.slug))
        assert (customer.slug, reply.status) == (
            customer.slug,
            STATUS_OF.get(customer.slug, 200),
        )


def test_seed__slugs_and_tokens__do_not_change() -> None:
    assert [customer.slug for customer in seed.customers()] == [
        "nunez-realty",
        "harbour-and-vine",
        "kestrel-group",
        "nordlicht-allianz",
        "meridian-worldwide",
        "fairfield-homes",
        "larkspur-living",
        "quixote-estates",
        "bluebonnet-brokers",
        "alder-and-pine",
    ]
    assert seed.customers() == seed.customers()
    assert seed.make_token("x", "oauth") == "practice-sXoDpNOohBTPtQ3Qa3V66tpac6Xviqn2yWFmOIWYTZk"


def test_seed__limits__are_those_of_keys_and_apps(seeded: Sandbox) -> None:
    listed = Caller(seeded.port).control("GET", "customers").json["customers"]
    limits = {customer["slug"]: customer["tokens"][0]["rate_limit"] for customer in listed}
    assert (limits["nunez-realty"], limits["harbour-and-vine"]) == (10, 100)
    assert limits["kestrel-group"] == limits["meridian-worldwide"] == 500


def test_seed__giant__has_the_promised_size(seeded: Sandbox) -> None:
    page = _get(seeded, "meridian-worldwide", "/v1.0/members?offset=4990")
    assert (page["_metadata"]["total"], len(page["members"])) == (5000, 10)
    offices = _get(seeded, "meridian-worldwide", "/v1.0/org")["enterpriseInfo"]
    ponds = _get(seeded, "meridian-worldwide", "/v1.0/team-features/lead-ponds")
    assert (len(offices["visibleOrgInfoList"]), len(ponds)) == (300, 500)
    settings = _get(seeded, "meridian-worldwide", SETTINGS)
    ids = [settings["id"], *settings["agentIds"], *settings["officeIds"], *settings["leadPondIds"]]
    assert {len(str(number)) for number in ids} == {15}


def test_seed__giant__every_office_hangs_on_the_tree(seeded: Sandbox) -> None:
    org = _get(seeded, "meridian-worldwide", "/v1.0/org")["enterpriseInfo"]["visibleOrgInfoList"]
    parents = {office["groupId"]: office["parentId"] for office in org}
    for number in parents:
        steps = 0
        while number in parents:
            number, steps = parents[number], steps + 1
        assert (number, steps <= 3) == (-1, True)
    assert len({office["groupName"] for office in org}) == 300


def test_seed__names__are_in_many_scripts_and_all_differ() -> None:
    people = [names.person(number) for number in range(5000)]
    scripts = {unicodedata.name(first[0]).split()[0] for first, _ in people}
    assert scripts >= {
        *("LATIN", "CJK", "ARABIC", "HEBREW", "CYRILLIC", "DEVANAGARI", "HANGUL", "THAI"),
        "HIRAGANA",
    }
    assert len(set(people)) == 5000


def test_seed__pickable_ids__are_in_the_directory(seeded: Sandbox) -> None:
    slug = "kestrel-group"
    settings = _get(seeded, slug, SETTINGS)
    ponds = {pond["id"] for pond in _get(seeded, slug, "/v1.0/team-features/lead-ponds")}
    members = {each["memberUserId"] for each in _get(seeded, slug, "/v1.0/members")["members"]}
    pipelines = _get(seeded, slug, "/v1.0/teamFeatures/lead-pipelines?pageSize=50")["pipelines"]
    assert len(pipelines) > 10
    assert set(settings["leadPondIds"]) <= ponds
    assert set(settings["agentIds"]) <= members
    assert set(settings["leadPipelines"]) <= {pipeline["id"] for pipeline in pipelines}


def test_seed__unusual_customer__has_values_a_console_must_survive(seeded: Sandbox) -> None:
    settings = _get(seeded, "quixote-estates", SETTINGS)
    assert settings["assistantName"] is None
    assert "visitorsEnable" not in settings
    assert (settings["agentIds"], settings["leadPondIds"]) == ([-1, 101], [])
    assert (settings["leadSources"], settings["followUpRole"]) == ([1002], "Committee")


def test_seed__customer_with_two_families_of_ids__none_of_its_agents_is_listed(
    seeded: Sandbox,
) -> None:
    slug = "alder-and-pine"
    agents = _get(seeded, slug, SETTINGS)["agentIds"]
    members = _get(seeded, slug, "/v1.0/members")["members"]
    assert {len(str(number)) for number in agents} == {15}
    assert all(member["memberUserId"] < 1000 for member in members)


def test_seed__twice__keeps_what_was_changed_and_takes_little_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "practice.sqlite3")
    began = time.monotonic()
    seed.seed(store)
    assert time.monotonic() - began < 3
    store.change_settings("nunez-realty", {"assistantName": "Mia"})
    seed.seed(store)
    settings = store.settings("nunez-realty")
    assert settings is not None
    assert settings["assistantName"] == "Mia"
    assert len(store.slugs()) == len(seed.customers())
    store.close()


def test_seed__two_machines__have_the_same_data(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        store = Store(tmp_path / name)
        seed.seed(store)
        contents.append([tuple(row) for query in EVERYTHING for row in store.rows(query)])
        store.close()
    assert contents[0] == contents[1]
    assert len(contents[0]) > 5000
