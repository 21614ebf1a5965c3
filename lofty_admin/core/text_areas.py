"""Count a line break in multi-line text as one character, as the browser does."""

from typing import Any

from django import forms


def unify_line_breaks(text: str) -> str:
    """Return the text with each line break as LF.

    Browsers count a line break as one character but send two, so that a text that just fits would
    be too long here.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


class TextAreaField(forms.CharField):
    """A CharField for several lines, with the same length limit as the browser's text area."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return unify_line_breaks(text) if isinstance(text, str) else text
