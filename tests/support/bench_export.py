"""Export a large log."""

import os

from lofty_admin.accounts.models import User
from lofty_admin.audit.search.query import Filter
from lofty_admin.history.export import Pieces
from lofty_admin.history.models import Export, ExportState, Format

EVENTS = int(os.environ.get("BENCH_EVENTS", "4000"))


def run(user: User, wanted: Filter, form: Format, up_to: int = EVENTS) -> tuple[int, int]:
    """Events and bytes."""
    made = Export.objects.create(user=user, format=form, up_to=up_to, total=0)
    export = Export.claim(made.pk)
    assert export is not None
    size = sum(map(len, Pieces(export, wanted)))
    export.refresh_from_db()
    assert export.state == ExportState.DONE
    return export.done, size
