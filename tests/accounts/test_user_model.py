"""An e-mail address belongs to one user, whatever its capitals."""

import pytest
from django.db import IntegrityError, connection

from lofty_admin.accounts.models import User


def test_user__same_address_in_capitals__database_refuses(viewer: User) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create(email=viewer.email.upper(), name="Sam Other")


def test_user__as_text__name_or_address(viewer: User) -> None:
    assert str(viewer) == "Victor Viewer"
    assert str(User(email="a@example.com")) == "a@example.com"


def test_cache_table__after_migrate__is_there(db: None) -> None:
    assert "console_cache" in connection.introspection.table_names()
