"""Answer a load balancer's probes: is this process alive, and can it do its work.

They are answered for any Host header, because load balancers ask by address.
"""

from collections.abc import Callable

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from lofty_admin.core.http import ConsoleRequest
from lofty_admin.core.worker_status import worker_status

# A new table needs new blocks on the disk, so a full disk shows at once; the row needs a commit.
_WRITE = """
CREATE TEMPORARY TABLE readyz_probe AS
    SELECT repeat(md5(random()::text), 200) FROM generate_series(1, 8);
DROP TABLE readyz_probe;
INSERT INTO audit_pulse (name, at) VALUES ('readyz', now())
    ON CONFLICT (name) DO UPDATE SET at = excluded.at;
"""


class ProbeMiddleware:
    """Answer /healthz and /readyz before anything looks at the Host header."""

    def __init__(self, get_response: Callable[[ConsoleRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ConsoleRequest) -> HttpResponse:
        view = PROBES.get(request.path_info)
        return view(request) if view else self.get_response(request)


@require_safe
def healthz(request: ConsoleRequest) -> JsonResponse:
    """Return 200 as long as the process answers. Touches nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: ConsoleRequest) -> JsonResponse:
    """Return 200 when the database takes writes and all migrations are applied, else 503.

    The 503 gives the reason. `worker` says whether a worker is alive; the console can do without
    one for a while.
    """
    try:
        missing = _missing_migrations()
        if missing:
            return JsonResponse({"status": f"{missing} migrations to apply"}, status=503)
        worker = worker_status()
    except DatabaseError:
        return JsonResponse({"status": "the database does not respond"}, status=503)
    try:
        _write()
    except DatabaseError:
        return JsonResponse({"status": "the database refuses writes"}, status=503)
    return JsonResponse({"status": "ok", "worker": worker})


PROBES = {"/healthz": healthz, "/readyz": readyz}


def _missing_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _write() -> None:
    """Write a row. Raises DatabaseError if the database is read-only or its disk is full."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WRITE)
