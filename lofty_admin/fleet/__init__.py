"""All tenants together: the home page, the palette (Ctrl-K), and adding many from a list."""
