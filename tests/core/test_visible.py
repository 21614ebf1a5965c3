"""Different texts look different, whatever characters they contain."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lofty_admin.core.visible import has_unseen, isolated, shortened, visible

ANY = st.text(st.characters(), max_size=12)
# Mostly what is confused in practice, so that short texts collide often.
TRICKY = st.text(
    st.sampled_from(
        "aeo Аеоα\u00e9\u0301e\u200b\u200d\u00a0\u202e\n\r\t ⟨⟩U+20B↵␣\ufb01Ａ\x00\ud800"
    ),
    max_size=6,
)


def read_back(shown: str) -> str:
    """Return the text that `visible` was given."""
    without_labels = re.sub("⟨(?!U\\+)[A-Za-z]+⟩", "", shown)
    plain = without_labels.replace("↵\n", "\n").replace("␣", " ")
    return re.sub("⟨U\\+([0-9A-F]+)⟩", lambda match: chr(int(match[1], 16)), plain)


@given(st.one_of(ANY, TRICKY))
@example("⟨U+200B⟩")
@example("\u1100\u1161")
@example("\u212b")
def test_visible__any_text__can_be_read_back_exactly(text: str) -> None:
    assert read_back(visible(text)) == text


@given(st.one_of(ANY, TRICKY), st.one_of(ANY, TRICKY))
@example("Anna K.", "Anna K.\u200b")
@example("Jos\u00e9", "Jose\u0301")
@example("a  b", "a b")
@example("a\nb", "a b")
@example("a\r\nb", "a\nb")
@example("Anna ", "Anna")
def test_visible__two_texts__are_drawn_differently(one: str, other: str) -> None:
    assert (drawn(one) == drawn(other)) is (one == other)


def drawn(text: str) -> str:
    """Return what a browser draws at most: blanks collapsed, accents joined."""
    collapsed = " ".join(visible(text).split())
    return unicodedata.normalize("NFC", collapsed)


@given(st.one_of(ANY, TRICKY))
def test_visible__any_text__holds_nothing_invisible(text: str) -> None:
    shown = visible(text).replace("\n", "")
    unseen = {
        sign for sign in shown if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }
    assert not unseen
    assert shown == shown.strip()
    assert "  " not in shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Anna K.\u200b", "Anna K.⟨U+200B⟩"),
        ("Anna\u00a0K.", "Anna⟨U+00A0⟩K."),
        ("\u202eanna", "⟨U+202E⟩anna"),
        ("Anna K. ", "Anna K.␣"),
        ("a  b", "a␣␣b"),
        ("one\ntwo", "one↵\ntwo"),
        ("one\r\ntwo", "one⟨U+000D⟩↵\ntwo"),
        ("Jose\u0301", "Jose⟨U+0301⟩"),
        ("\u0410nna", "⟨U+0410⟩nna"),
        ("\u0412\u0435\u0440\u0430", "⟨Cyrillic⟩\u0412\u0435\u0440\u0430"),
        ("\ufb01ne", "⟨U+FB01⟩ne"),
        ("\uff11\uff12", "⟨U+FF11⟩⟨U+FF12⟩"),
        ("415\u2011555", "415⟨U+2011⟩555"),
        ("half \ud800", "half ⟨U+D800⟩"),
        ("nul \x00", "nul ⟨U+0000⟩"),
        ("\u2063", "⟨U+2063⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\u3164", "⟨U+3164⟩"),
    ],
)
def test_visible__overlooked_characters__are_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Anna K.",
        "José Müller",
        "Наталья Иванова",
        "Ελένη Παπαδοπούλου",
        "李小龍，东京",
        "हिन्दी",
        "ไทยทำ",
        "한국어",
        "Yıldız",
        "20 years … and more – “yes”",
        "☎ 20 m²",
        "עברית",
    ],
)
def test_visible__ordinary_names_of_any_script__stay_as_they_are(text: str) -> None:
    assert visible(text) == text
    assert not has_unseen(text)


def test_has_unseen__line_breaks__are_shown_by_a_text_field() -> None:
    assert not has_unseen("one\ntwo")
    assert has_unseen("one\rtwo")


@given(st.text(max_size=30), st.text(max_size=30), st.integers(0, 8))
@example("a" * 20 + "b", "a" * 20 + "c", 8)
def test_shortened__two_texts__never_the_same(one: str, other: str, most: int) -> None:
    assert (shortened(one, most) == shortened(other, most)) is (one == other)


def test_shortened__short_or_long__cut_only_where_it_is_long() -> None:
    assert shortened("12345", 5) == "12345"
    assert shortened("123456", 5).startswith("12345… (6 characters, SHA-256 ")


@pytest.mark.parametrize("name", ["עברית", "Anna עברית", "محمد", "٤٢"])
def test_isolated__right_to_left__stands_by_itself(name: str) -> None:
    assert isolated(name) == f"\u2068{name}\u2069"


@pytest.mark.parametrize("name", ["Anna", "Łukasz", "Ирина", "山田 太郎", "42"])
def test_isolated__left_to_right__stays_as_it_is(name: str) -> None:
    assert isolated(name) == name
