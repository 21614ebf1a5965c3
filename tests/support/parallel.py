"""Run calls at the same time."""

from collections.abc import Callable, Iterable
from threading import Thread

from django.db import connections


def in_parallel(calls: Iterable[Callable[[], object]]) -> None:
    def run(call: Callable[[], object]) -> None:
        try:
            call()
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
