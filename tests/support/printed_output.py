"""Collect everything a piece of code prints, logs or raises."""

import traceback
from collections.abc import Iterator


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def everything_printed(error: BaseException) -> str:
    """What any log or error page can show of an error without looking into frames."""
    parts = []
    for link in chain(error):
        parts += [str(link), repr(link), repr(link.__dict__), repr(link.args)]
    return "\n".join([*parts, *traceback.format_exception(error)])
