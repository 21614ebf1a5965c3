"""Days in the reader's time zone: as a form field, and as a period."""

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
_RANGE = format_lazy(_("Choose a date from {first} to {last}."), first=FIRST.year, last=LAST.year)


class DayField(forms.DateField):
    """An optional day. Refuses days so far away that time zone arithmetic fails."""

    def __init__(self, label: "str | _StrPromise") -> None:
        nearby = [MinValueValidator(FIRST, _RANGE), MaxValueValidator(LAST, _RANGE)]
        super().__init__(label=label, required=False, validators=nearby)


def end_of(day: date, zone: tzinfo) -> datetime:
    """Return the first moment after the day."""
    return begin_of(day + timedelta(days=1), zone)
