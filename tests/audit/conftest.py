"""What the tests of the audit log share."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper


@pytest.fixture
def other_session(transactional_db: None) -> Iterator[BaseDatabaseWrapper]:
    """A second session in the same database, like another process has."""
    other = connection.copy()
    yield other
    other.close()
