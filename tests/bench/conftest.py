"""Pages as they are served, and Acme with a directory at the practice Lofty."""

import pytest
from django.template import Template
from django.test.utils import _TestState

from tests.directory.conftest import connect

__all__ = ["connect"]


@pytest.fixture(autouse=True)
def plain_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of tests, where no copy is made of every context that a template is given."""
    monkeypatch.setattr(Template, "_render", _TestState.saved_data.template_render)  # type: ignore[attr-defined]  # where Django keeps it
