"""The console's settings, except that a password is hashed in no time."""

from lofty_admin.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
