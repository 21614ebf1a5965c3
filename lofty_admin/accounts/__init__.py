"""The people who use the console: who they are and how they sign in."""
