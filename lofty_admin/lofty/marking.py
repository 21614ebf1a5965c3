"""Mark texts for translators without Django, which this layer does not import."""


def gettext_noop(text: str) -> str:
    """Return the text itself, in English. The caller that displays it translates it."""
    return text
