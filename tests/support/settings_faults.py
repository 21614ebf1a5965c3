"""Database failures in the middle of a save."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection as database


@contextmanager
def broken(statement: str, mend: str) -> Iterator[None]:
    with database.cursor() as cursor:
        cursor.execute(statement)
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute(mend)


RAISING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON audit_auditevent FOR EACH ROW EXECUTE FUNCTION refuse()
"""
