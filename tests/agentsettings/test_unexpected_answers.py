"""Undocumented responses from Lofty, through the pages: shown or refused, never a crash."""

import json

import pytest

from lofty_admin.agentsettings.models import Operation
from lofty_admin.lofty.errors import SETTINGS_PATH
from lofty_admin.lofty.json_strict import JSON
from tests.support.documented_settings import EXAMPLE
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_pages import SETTINGS, review, save
from tests.support.users import Browsers
from tools.practice_lofty.messages import write_json

pytestmark = pytest.mark.django_db(transaction=True)
UNEXPECTED: dict[str, list[JSON]] = {
    "startActiveHour": ["8", 8.0, 24, -1, None, True, [8], 2**63, -0.0],
    "activeDays": [["1", "2"], [7, 1], "1,2,3", None, [1, 1], [[1]], [-1], [1.5], {"0": 1}],
    "textChannel": ["true", "FALSE", 1, None, [True], "yes"],
    "assistantName": [5, {"a": 1}, "x" * 5000, "a\u202eb\u200b", "<script>alert(1)</script>", ""],
    "followUpRole": ["Committee", "ai", None, 3],
    "agentIds": [["101"], ["-1"], [{"id": 1}], [1, None], [2**63 - 1], [], None, {"0": 1}],
    "virtualNumber": [15125550142, None, "not a number", ["+1"]],
    "headUrl": ["javascript:alert(1)", 5, None],
    "somethingNew": [{"a": [[{"b": 1}]]}, "text"],
}
NO_SETTINGS: list[JSON] = [
    5,
    None,
    [],
    "text",
    {},
    {"id": 0},
    {"id": -5},
    {"message": "errorCode=20005,errorMsg=boom"},
    "errorCode=20012,errorMsg=boom",
    {"data": None, "errorCode": 20005, "errorMsg": "boom"},
]


def _answer(lofty: PracticeCustomer, body: JSON) -> None:
    lofty.behave()
    text = write_json(body).decode()
    lofty.misbehave("wrong_json", on="GET", path=f"{SETTINGS_PATH}$", times=None, text=text)


def test_settings__unexpected_value__page_is_shown_and_carries_no_markup(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    for name, values in UNEXPECTED.items():
        for value in values:
            _answer(lofty, {**EXAMPLE, name: value})
            page = browsers.owner.get(SETTINGS)
            html = page.content.decode()
            assert page.status_code == 200, (name, value)
            assert "<script>alert" not in html
            assert "javascript:alert" not in html.replace("&#x27;", "'").partition("<main")[0]


def test_settings__no_settings_at_all__last_known_and_the_reason(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    browsers.owner.get(SETTINGS)
    for body in NO_SETTINGS:
        _answer(lofty, body)
        page = browsers.owner.get(SETTINGS)
        assert page.status_code == 502, body
        assert "Anna" in text_of(page), body


def test_save__rest_is_unexpected__goes_back_as_it_came(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    odd: dict[str, JSON] = {
        "startActiveHour": "8",
        "activeDays": ["1", 7],
        "textChannel": "true",
        "agentIds": ["101", "-1"],
        "virtualNumber": 15125550142,
        "followUpRole": "Committee",
    }
    lofty.change(settings=odd)
    page = review(browsers.owner, agentExperience=["New words"])
    assert "Verified" in text_of(save(browsers.owner, page))
    sent = lofty.puts[-1]["body"]
    assert {name: sent[name] for name in odd} == odd
    assert Operation.objects.get().changed == ["agentExperience"]
    assert json.dumps(sent["id"]).isdecimal()
