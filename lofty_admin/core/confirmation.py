"""Show a confirmation page before an action that is hard to undo. It needs no JavaScript."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode

CONFIRMED, TYPED, WRONG = "confirmed", "typed", "wrong"
# The last two are what `{% csrf_token %}` writes: the confirmation page has its own.
_NOT_REPEATED = frozenset({CONFIRMED, TYPED, WRONG, "csrfmiddlewaretoken", "page_of"})


def ask_to_confirm(
    request: HttpRequest,
    *,
    question: str,
    button: str,
    back: str,
    consequences: Sequence[str] = (),
    type_this: str = "",
) -> HttpResponse | None:
    """Return the confirmation page, or None once its form was submitted.

    The button's POST redirects to the page by GET, so that Back and Reload work. The posted values
    travel in the URL, so they must not be secret. type_this: what the user must type to confirm the
    most sensitive actions. back: the URL for "no".
    """
    if request.method == "POST":
        is_right = request.POST.get(TYPED, "").strip().lower() == type_this.lower()
        if CONFIRMED in request.POST and is_right:
            return None
        again = {k: str(v) for k, v in request.POST.items() if k not in _NOT_REPEATED}
        if CONFIRMED in request.POST:
            again[WRONG] = "1"
        return redirect(f"{request.path}?{urlencode(again)}" if again else request.path)
    context = {
        "question": question,
        "button": button,
        "back": back,
        "consequences": consequences,
        "type_this": type_this,
        "is_wrong": WRONG in request.GET,
        "repeated": [(k, v) for k, v in request.GET.items() if k not in _NOT_REPEATED],
    }
    return render(request, "components/confirm.html", context)
