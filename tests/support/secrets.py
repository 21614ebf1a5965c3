"""Look for secrets in everything that is printed or stored."""

import base64
import urllib.parse
from collections.abc import Iterable

from django.db import connection as database

from tests.support.lofty_users import NEXT_TOKEN, OTHER_TOKEN, TOKEN

BAD_TOKEN = "canary-that-lofty-does-not-know-0123456789"


BROKEN_TOKEN = "canary broken by a blank 0123456789"


CANARIES = (TOKEN, NEXT_TOKEN, OTHER_TOKEN, BAD_TOKEN, BROKEN_TOKEN)


def spellings(token: str) -> set[str]:
    packed = base64.b64encode(token.encode()).decode().rstrip("=")[:-1]
    hexadecimal = token.encode().hex()
    return {token, token[:-4], packed, urllib.parse.quote(token), hexadecimal}


def leaks(text: str, secrets: Iterable[str] = CANARIES) -> list[str]:
    return [word for token in secrets for word in spellings(token) if word in text]


def whole_database() -> str:
    """Every row of every table as text, bytes in hexadecimal."""
    found = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            query = f'SELECT t::text FROM "{table}" t'  # noqa: S608 - names of our own tables
            cursor.execute(query)
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)
