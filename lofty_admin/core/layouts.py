"""What crispy-forms draws of a form: its fields and buttons, not the form element."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout


def layout(*parts: Any) -> FormHelper:
    """The form element stands in the template, where its action can be seen."""
    helper = FormHelper()
    helper.form_tag, helper.disable_csrf = False, True
    helper.layout = Layout(*parts)
    return helper
