"""A practice Lofty: its own process, its own SQLite file, no import from the rest of the console."""
