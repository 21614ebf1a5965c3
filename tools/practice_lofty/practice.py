"""The practice Lofty without its sockets: who answers, and how a fault bends the answer."""

import ipaddress
import logging
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from tools.practice_lofty import api, faults, oauth, page, seed
from tools.practice_lofty.control import PREFIX, Control
from tools.practice_lofty.faults import Fault
from tools.practice_lofty.holds import Holds
from tools.practice_lofty.limits import Limiter
from tools.practice_lofty.messages import Answer, Call, Request, not_allowed, problem
from tools.practice_lofty.store import Store, UnknownCustomerError

logger = logging.getLogger(__name__)


class Practice:
    def __init__(self, db_path: Path, *, seeded: bool, console_url: str = "") -> None:
        self._console_url = console_url
        self.store = Store(db_path)
        self.closing = threading.Event()
        self._limiter = Limiter()
        self._holds = Holds()
        self._control = Control(self.store, self._limiter, self._holds)
        if seeded:
            seed.seed(self.store)

    def close(self) -> None:
        self.store.close()

    def stop_waiting(self) -> None:
        """Every delay, hold and drip ends now."""
        self.closing.set()
        self._holds.release()

    def answer(self, request: Request) -> tuple[Answer, Fault | None]:
        """What to send, and the fault that says how to send it, if any."""
        try:
            found = self._route(request)
            return self._carry_out(found) if isinstance(found, Call) else (found, None)
        except Exception:
            logger.exception("The practice Lofty failed on %s %r", request.method, request.path)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, 20005, "Server error"), None

    def _route(self, request: Request) -> Answer | Call:
        if api.operation_of(request.path):
            return api.begin(self.store, self._limiter, request, time.time())
        if request.path in oauth.TOKEN_PATHS:
            if request.method != "POST":
                return not_allowed("POST")
            return oauth.begin_token(self.store, request)
        if request.path == oauth.AUTHORISE_PATH:
            if request.method not in ("GET", "POST"):
                return not_allowed("GET", "POST")
            return oauth.authorise(self.store, request)
        if not is_loopback(urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""):
            return problem(403, "PERMISSION_DENIED", "Use this page by its loopback address.")
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        shown = self._show(request.path)
        return not_allowed("GET") if shown.status == 200 and request.method != "GET" else shown

    def _show(self, path: str) -> Answer:
        if path in page.ASSETS:
            return page.asset(path)
        if path == "/":
            summaries = [self._control.summary(slug) for slug in self.store.slugs()]
            return page.index(summaries, has_tour=bool(self._console_url))
        if path == page.TOUR and self._console_url:
            waiting = {slug: self.store.faults(slug) for slug in self.store.slugs()}
            return page.tour(self._console_url, waiting)
        if path.startswith(page.CUSTOMER_PREFIX):
            return self._show_customer(path.removeprefix(page.CUSTOMER_PREFIX))
        return problem(404, "NOT_FOUND", "There is nothing here.")

    def _show_customer(self, slug: str) -> Answer:
        try:
            customer = self._control.describe(slug)
        except UnknownCustomerError:
            return page.message(404, "No such customer", "Go back to the list.")
        return page.customer(customer, self.store.puts(slug, newest=10))

    def _carry_out(self, call: Call) -> tuple[Answer, Fault | None]:
        passing, ending = self.store.take_faults(call.slug, call.method, call.path)
        self._pass(passing, "before", call)
        if ending is not None and ending.kind == "visible_later":
            self.store.freeze_reads(call.slug, ending.number("seconds"))
        answer = call.run(faults.delay_of(ending)).plus(call.headers)
        self._pass(passing, "after", call)
        answer = faults.disguise(answer, ending)
        if call.put_id is not None:
            is_answered = ending is None or ending.is_answered
            self.store.answered_put(call.put_id, answer.status if is_answered else None)
        return answer, ending

    def _pass(self, passing: Sequence[Fault], when: str, call: Call) -> None:
        for fault in passing:
            if fault.word("when") != when:
                continue
            if fault.kind == "delay":
                self.closing.wait(fault.number("seconds"))
            elif fault.kind == "hold" and not self.closing.is_set():
                self._holds.hold(call, fault.number("seconds"), when)
            elif fault.kind == "foreign_change":
                self.store.change_settings(call.slug, fault.settings)


def is_loopback(host: str) -> bool:
    """Is this name or address one that only this machine answers to?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
