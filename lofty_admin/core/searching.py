"""Search and sort by names as people type them: one field for models, one for forms.

PostgreSQL alone cannot fold accents (that needs an extension), so what is searched is stored once
more, folded by `folding.fold`.
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
    """Texts as a FoldedField stores them, one a line, so that no word is found across two."""
    return "\n".join(map(fold, texts))


class FoldedField(_TextField):
    """The folded text of other columns of the row, filled in at each save.

    It also sorts: without accents and capitals. of: the columns; "lofty_user__name" is a key of a
    column of JSON. `save(update_fields=...)` and `update()` must name it together with them.
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
    """For a migration: fill in the FoldedFields of all rows of these models."""

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
    """The rows with every word of `text` in one of these folded columns; none if it has no word.

    An empty text is no search and returns all rows.
    """
    if is_wordless(text):
        return rows.none()
    for condition in conditions(text, *columns):
        rows = rows.filter(condition)
    return rows


def conditions(text: str, *columns: str) -> Iterator[Q]:
    """A condition for each word of `text`; all of them must hold."""
    for word in search_words(text):
        found = Q()
        for column in columns:
            found |= Q(**{f"{column}__contains": word})
        yield found


def searched(typed: str | None, longest: int = LONGEST_SEARCH) -> str:
    """A typed text on one line, cut to `longest`. Control characters alone become a sign that
    finds nothing: dropped, they would leave an empty search, which finds everything."""
    text = clean(typed, longest)
    return text or ("\N{REPLACEMENT CHARACTER}" if (typed or "").strip() else "")


def search_problem(text: str) -> str:
    """Why a search for `text` finds nothing whatever there is; "" if it can be searched for."""
    return str(NO_WORDS) if is_wordless(text) else ""


class SearchField(forms.CharField):
    """What a user types to find something: on one line and cut to `longest`, so never an error
    that would leave a list without its search."""

    def __init__(self, *, longest: int = LONGEST_SEARCH, **options: Any) -> None:
        self.longest = longest
        super().__init__(**{"required": False, **options})

    def clean(self, value: Any) -> str:
        return searched(value, self.longest)
