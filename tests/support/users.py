"""Users with a password, and browsers in which they are signed in."""

import time
from functools import cached_property

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from lofty_admin.accounts.models import User
from lofty_admin.accounts.sessions import SEEN_AT, SIGNED_IN_AT

PASSWORD = "correct horse battery staple"


def make_user(email: str, name: str, *, superuser: bool = False) -> User:
    user = User(email=email, name=name, is_superuser=superuser)
    user.set_password(PASSWORD)
    user.save()
    return user


def signed_in(user: User) -> Client:
    """A browser without JavaScript in which `user` is signed in, as after its first page.

    The session is as `login` makes it, in a quarter of the time of `force_login`.
    """
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[SIGNED_IN_AT] = session[SEEN_AT] = time.time()
    session.save()
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    return client


class Browsers:
    """Each signs in when a test first takes it: most tests take one of them."""

    def __init__(self, owner: User, viewer: User, outsider: User) -> None:
        self._owner, self._viewer, self._outsider = owner, viewer, outsider

    @cached_property
    def owner(self) -> Client:
        return signed_in(self._owner)

    @cached_property
    def viewer(self) -> Client:
        return signed_in(self._viewer)

    @cached_property
    def outsider(self) -> Client:
        return signed_in(self._outsider)
