"""A practice Lofty: its own process, its own data, no import from the rest of the console."""
