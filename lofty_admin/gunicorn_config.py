"""How gunicorn serves the console: `gunicorn -c python:lofty_admin.gunicorn_config`.

Threads, because a save waits for Lofty. A save takes three calls at their time limit at the most;
the time-outs leave room for that, so that stopping the server does not cut one short.
"""

import gc
import os

from django.urls import get_resolver

from lofty_admin.core.logs import logging_config

wsgi_app = "lofty_admin.wsgi:application"
bind = os.environ.get("CONSOLE_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "16"))
worker_class = "lofty_admin.core.web_worker.BufferingWorker"
# Below the usual limit of 1024 open files. When all are in use, half-sent requests are dropped.
worker_connections = 500
timeout = 150
graceful_timeout = 120
keepalive = 5
forwarded_allow_ips = "127.0.0.1,::1"
# No proxy moves the console to another path, so SCRIPT_NAME is not taken from a header.
forwarder_headers = ""
limit_request_line = 8190
accesslog = None
# Its path would be the same for all consoles of a user, and a read-only home makes it fail.
control_socket_disable = True
logconfig_dict = logging_config(
    level=os.environ.get("LOG_LEVEL", "INFO"), style=os.environ.get("LOG_FORMAT", "json")
)


def post_worker_init(worker: object) -> None:
    """Load the URLs before the first request, and exclude loaded objects from garbage collection.

    Collecting them took 80 ms of every twelfth page of the history.
    """
    from lofty_admin.core import server_errors  # not before Django's apps are loaded

    _ = get_resolver().url_patterns
    server_errors.install()
    gc.collect()
    gc.freeze()
