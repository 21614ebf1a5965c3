"""Tenants, their Lofty connections, and the permissions of users on them."""
