"""A day in the reader's zone, as a field of a form and as a stretch of time."""

from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.timezones import begin_of

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)
_RANGE = format_lazy(_("Choose a day from {first} to {last}."), first=FIRST.year, last=LAST.year)


class DayField(forms.DateField):
    """Optional. Refuses days so far away that time zones cannot be reckoned with."""

    def __init__(self, label: "str | _StrPromise") -> None:
        nearby = [MinValueValidator(FIRST, _RANGE), MaxValueValidator(LAST, _RANGE)]
        super().__init__(label=label, required=False, validators=nearby)


def end_of(day: date, zone: tzinfo) -> datetime:
    """The first moment that does not belong to the day any more."""
    return begin_of(day + timedelta(days=1), zone)
