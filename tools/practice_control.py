"""Call the control API of a practice Lofty: see tools/practice_lofty/control.py."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen


def control(
    url: str, method: str, path: str, body: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """Make one call of the control API. Raises HTTPError with the API's message on a refusal."""
    request = Request(  # noqa: S310 - the practice Lofty's own loopback address
        f"{url}/_control/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=35) as answer:  # noqa: S310
        parsed: dict[str, Any] = json.load(answer)
    return parsed
