"""Search and sort by names as users type them: one field for models, one for forms.

PostgreSQL alone cannot fold accents (that needs an extension), so searchable text is also stored
folded by `text.fold`.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from lofty_admin.core.text import clean, fold, is_wordless, search_words

LONGEST_SEARCH = 100
NO_WORDS = _("Type at least one letter or digit to search.")
_Row = TypeVar("_Row", bound=models.Model)
if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


def folded(*texts: str) -> str:
    """Fold texts as a FoldedField stores them: one per line, so that no word matches across two."""
    return "\n".join(map(fold, texts))


class FoldedField(_TextField):
    """Store the folded text of other columns of the row, updated at each save.

    Sorting by it ignores accents and case. of: the columns; "lofty_user__name" is a key of a JSON
    column. `save(update_fields=...)` and `update()` must name this field together with those
    columns.
    """

    def __init__(self, *, of: tuple[str, ...] = (), **options: Any) -> None:
        self.of = tuple(of)
        super().__init__(
            **{"default": "", "editable": False, "blank": True, "db_collation": "C", **options}
        )

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = folded(*(_text(model_instance, path) for path in self.of))
        setattr(model_instance, self.attname, value)
        return value


def _text(row: models.Model, path: str) -> str:
    column, _, key = path.partition("__")
    value = getattr(row, column)
    return str((value.get(key) if key else value) or "")


def fold_rows(app: str, *names: str) -> Callable[[Any, Any], None]:
    """Fill in the FoldedFields of all rows of these models. Migrations call it."""

    def run(apps: Any, editor: Any) -> None:
        for model in (apps.get_model(app, name) for name in names):
            fields = [field for field in model._meta.fields if isinstance(field, FoldedField)]
            rows = model._base_manager.using(editor.connection.alias).order_by().iterator(500)
            while batch := list(islice(rows, 500)):
                for row in batch:
                    for field in fields:
                        field.pre_save(row, False)
                model._base_manager.bulk_update(batch, [field.name for field in fields])

    return run


def mentioning(rows: QuerySet[_Row], text: str, *columns: str) -> QuerySet[_Row]:
    """Filter `rows` to those with every word of `text` in one of these folded columns.

    An empty text is no search and returns all rows. A text without any word returns none.
    """
    if is_wordless(text):
        return rows.none()
    for condition in conditions(text, *columns):
        rows = rows.filter(condition)
    return rows


def conditions(text: str, *columns: str) -> Iterator[Q]:
    """Return one condition for each word of `text`; all of them must hold."""
    for word in search_words(text):
        found = Q()
        for column in columns:
            found |= Q(**{f"{column}__contains": word})
        yield found


def searched(typed: str | None, longest: int = LONGEST_SEARCH) -> str:
    """Return the typed text on one line, cut to `longest`.

    Text made only of control characters becomes a sign that matches nothing: dropping them would
    leave an empty search, which matches everything.
    """
    text = clean(typed, longest)
    return text or ("\N{REPLACEMENT CHARACTER}" if (typed or "").strip() else "")


def search_problem(text: str) -> str:
    """Return why a search for `text` can never match; "" if it can be searched for."""
    return str(NO_WORDS) if is_wordless(text) else ""


class SearchField(forms.CharField):
    """A search box: its value is on one line and cut to `longest`.

    It never has an error, because an error would leave a list without its search.
    """

    def __init__(self, *, longest: int = LONGEST_SEARCH, **options: Any) -> None:
        self.longest = longest
        super().__init__(**{"required": False, **options})

    def clean(self, value: Any) -> str:
        return searched(value, self.longest)
