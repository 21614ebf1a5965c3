"""The example of Lofty's documentation, on which several tests are based."""

from typing import Any

from lofty_admin.lofty.json_strict import JSON

EXAMPLE: dict[str, JSON] = {
    "id": 12345,
    "assistantName": "Anna",
    "headUrl": "https://example.com/avatar.jpg",
    "virtualNumber": "+1234567890",
    "virtualNumberCountry": "US",
    "callTransferType": "Disabled",
    "fixedNumber": "+1234567890",
    "agentExperience": "10 years in real estate",
    "rentalBusiness": False,
    "websiteChannel": True,
    "textChannel": True,
    "emailChannel": True,
    "startActiveHour": 8,
    "endActiveHour": 20,
    "activeDays": [1, 2, 3, 4, 5],
    "leadTypes": [1, 2],
    "leadSources": [1001, 1002],
    "leadPipelines": [2001, 2002],
    "agentIds": [101, 102],
    "officeIds": [201, 202],
    "leadPondIds": [301, 302],
    "newLeadEnable": True,
    "visitorsEnable": True,
    "followUpRole": "AI",
    "hostedStatus": "ACTIVE",
}

READ_ONLY = ("headUrl", "hostedStatus")
EXAMPLE_REQUEST = {name: value for name, value in EXAMPLE.items() if name not in READ_ONLY}


DOCUMENTED: dict[str, Any] = dict(EXAMPLE)
