"""Tenants, their Lofty credentials, and the permissions of users on them."""
