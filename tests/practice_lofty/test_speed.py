"""Fast enough for the tests and for the demo's largest customer."""

import statistics
import time
from http.client import HTTPConnection

import pytest

from tests.support.practice_caller import SETTINGS
from tools.practice_lofty import seed
from tools.practice_lofty.server import Sandbox


@pytest.mark.parametrize(
    ("path", "milliseconds"), [(SETTINGS, 5), ("/v1.0/members?offset=4900&limit=25", 10)]
)
def test_giant__median_of_forty_calls__within_bounds(
    seeded: Sandbox, path: str, milliseconds: float
) -> None:
    [token] = [each.token for each in seed.customers() if each.slug == "meridian-worldwide"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", seeded.port, timeout=5)
    taken = []
    for _ in range(40):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(1000 * (time.perf_counter() - began))
        assert answer.status == 200
    connection.close()
    assert statistics.median(taken) < milliseconds
