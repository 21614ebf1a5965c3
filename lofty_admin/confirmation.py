"""A page between a button and what cannot be taken back lightly. It needs no JavaScript."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

CONFIRMED, TYPED = "confirmed", "typed"
_NOT_REPEATED = frozenset({CONFIRMED, TYPED, "csrfmiddlewaretoken"})


def ask_to_confirm(
    request: HttpRequest,
    *,
    question: str,
    button: str,
    back: str,
    consequences: Sequence[str] = (),
    type_this: str = "",
) -> HttpResponse | None:
    """Return the page that asks, or None once its form was sent.

    The form posts to the same address what was posted before. type_this: what the person must type
    for the gravest; `back` is the address for "no".
    """
    is_sent = CONFIRMED in request.POST
    typed = request.POST.get(TYPED, "").strip()
    is_right = typed.casefold() == type_this.casefold()
    if is_sent and is_right:
        return None
    context = {
        "question": question,
        "button": button,
        "back": back,
        "consequences": consequences,
        "type_this": type_this,
        "is_wrong": is_sent,
        "repeated": [(k, v) for k, v in request.POST.items() if k not in _NOT_REPEATED],
    }
    return render(request, "components/confirm.html", context)
