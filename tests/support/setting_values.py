"""Settings to test with: the documented example, and strategies for any others."""

from hypothesis import strategies as st

from lofty_admin.lofty.json_strict import JSON, MAX_DIGITS
from lofty_admin.lofty.schema import TYPES

OF_TYPE: dict[str, st.SearchStrategy[JSON]] = {
    "text": st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=12),
    "yes/no": st.booleans(),
    "int32": st.integers(-1, 30),
    "list of int32": st.lists(st.integers(-1, 9), max_size=8).map(list[JSON]),
    "list of int64": st.lists(st.integers(-1, 2**63 - 1), max_size=5).map(list[JSON]),
}
# A response with a longer number is refused as a whole.
_LARGEST = 10 ** (MAX_DIGITS - 1) - 1
READABLE_INTEGERS = st.integers(-_LARGEST, _LARGEST)
ODD: st.SearchStrategy[JSON] = st.one_of(
    st.none(),
    st.text(max_size=5),
    READABLE_INTEGERS,
    st.booleans(),
    st.just([1, "x"]),
    st.just({"a": 1}),
)


def values() -> st.SearchStrategy[dict[str, JSON]]:
    """Settings with values of the right types."""
    return st.fixed_dictionaries({name: OF_TYPE[kind] for name, kind in TYPES.items()})


def any_values() -> st.SearchStrategy[dict[str, JSON]]:
    """Settings as Lofty could send them at its worst: right, null, missing or of another type."""
    return st.fixed_dictionaries(
        {}, optional={name: st.one_of(OF_TYPE[kind], ODD) for name, kind in TYPES.items()}
    ).map(lambda found: {"id": 12345, **found})


ZONE = "America/Los_Angeles"


HOUR = st.integers(0, 23)


AT_ITS_WORST = st.fixed_dictionaries(
    {},
    optional={
        "startActiveHour": OF_TYPE["int32"] | ODD,
        "endActiveHour": OF_TYPE["int32"] | ODD,
        "activeDays": OF_TYPE["list of int32"] | ODD,
    },
)
