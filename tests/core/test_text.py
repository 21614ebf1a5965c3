"""Folding text for search: accents, capitals, widths, invisible characters."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lofty_admin.core.text import WIDE_BLANKS, clean, fold, is_wordless, search_words


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("José Núñez", "jose nunez"),
        ("JOSÉ", "jose\N{COMBINING ACUTE ACCENT}"),
        ("Łukasz Żółć", "lukasz zolc"),
        ("Søren Æbelø", "soren aebelo"),
        ("Þóra", "thora"),
        ("Weiß", "WEISS"),
        ("İstanbul ışık", "istanbul isik"),
        ("Νίκος Παπαδόπουλος", "νικοσ παπαδοπουλοσ"),
        ("Йорданка Ёлкина", "иорданка елкина"),
        ("ﬁlip Ａｎｎａ", "filip anna"),
        ("فَاطِمَة", "فاطمة"),
        ("שָׁלוֹם", "שלום"),
        ("Nguyễn Thị Ánh", "nguyen thi anh"),
        ("ガ", "カ"),
        ("Đặng Ƙofi Ŋala", "dang kofi nala"),
        ("Ｓtraße ŒUVRE", "strasse oeuvre"),
        ("An\N{ZERO WIDTH SPACE}na\N{SOFT HYPHEN} K.\N{RIGHT-TO-LEFT MARK}", "anna k."),
        ("Acme\N{VARIATION SELECTOR-16}\N{HANGUL FILLER}", "ACME"),
        ("  a \t b\n", "a b"),
        *((f"Acme{blank}Realty{blank}", "acme realty") for blank in sorted(WIDE_BLANKS)),
        *((f"Ac{sign}me", "acme") for sign in "\u034f\u115f\u180e\ufe0f\U000e0041\U000e0100"),
    ],
)
def test_fold__same_name_written_differently__same_text(written: str, typed: str) -> None:
    assert fold(written) == fold(typed)


@pytest.mark.parametrize(
    ("one", "other"), [("王伟", "王芳"), ("김민준", "김민서"), ("कमल", "कमला")]
)
def test_fold__different_names__stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(st.characters(codec="ascii")))
def test_fold__plain_letters__as_among_others(text: str) -> None:
    assert fold(f"ex{text}x") == fold(f"éx{text}x")


@given(st.text())
@example("İ")
@example("ΐ")
@example("ͅ")
@example("Ⅷ㎏")
def test_fold__any_text__folding_again_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert not any(unicodedata.combining(sign) for sign in once)


@given(st.text(st.characters(codec=None)), st.integers(1, 50))
@example("\ud800", 5)
@example("a\x00b", 5)
def test_clean__any_text__can_be_stored_and_is_short(text: str, length: int) -> None:
    kept = clean(text, length)
    assert len(kept) <= length
    assert "\x00" not in kept
    kept.encode("utf-8")


@given(st.text(), st.text())
@example("ab", "_")
@example("ΐ", "ͅ")
def test_search_words__text_added_at_the_end__looks_for_no_less(text: str, more: str) -> None:
    before, after = search_words(text), search_words(text + more)
    assert all(any(longer.startswith(word) for longer in after) for word in before)


@pytest.mark.parametrize("text", ["-", "%", "_", "🎉", "\N{ZERO WIDTH SPACE}", "' & !:*", "́"])
def test_is_wordless__no_letter_and_no_digit__true(text: str) -> None:
    assert is_wordless(text)


@pytest.mark.parametrize("text", ["", "  ", "-a", "½", "王"])
def test_is_wordless__a_letter_a_digit_or_nothing__false(text: str) -> None:
    assert not is_wordless(text)
