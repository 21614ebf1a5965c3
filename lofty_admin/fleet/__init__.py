"""All tenants at once: the home page, and adding many of them from a list."""
