"""Build crispy-forms layouts: a form's fields and buttons, without the form element."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout


def layout(*parts: Any) -> FormHelper:
    """Return a layout without the form element.

    The template holds the form element, where its action can be seen.
    """
    helper = FormHelper()
    helper.form_tag, helper.disable_csrf = False, True
    helper.layout = Layout(*parts)
    return helper
