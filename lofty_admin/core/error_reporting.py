"""Keep error reports free of anything a user typed and of values that code held."""

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

_SHOWN = frozenset({"REQUEST_METHOD", "PATH_INFO", "CONTENT_TYPE", "CONTENT_LENGTH"})
_NOTHING: dict[str, Any] = {}


class NothingPrivateFilter(SafeExceptionReporterFilter):
    """Drop every local value, POST value, cookie, header, and setting from error reports.

    Django's own filter matches names such as "password"; a token in a variable called `value` would
    pass it.
    """

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_safe_settings(self) -> dict[str, Any]:
        return {}

    def get_safe_request_meta(self, request: HttpRequest | None) -> dict[str, Any]:
        meta = {} if request is None else request.META
        return {name: value for name, value in meta.items() if name in _SHOWN}

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.COOKIES, self.cleansed_substitute)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        return _NOTHING.items()
