"""Keep uploads in memory, because they may hold tokens, and refuse large ones unread."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class InMemoryOnly(MemoryFileUploadHandler):
    """Never write an upload to disk, as Django's own handlers do with a large one from anyone."""

    def handle_raw_input(
        self,
        input_data: Any,
        meta: Mapping[str, Any],
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        if content_length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("The upload is too large.")
        self.activated = True
