"""Marks texts for translators without Django, which this layer does not know."""


def gettext_noop(text: str) -> str:
    """The text itself, in English. Who shows it translates it."""
    return text
