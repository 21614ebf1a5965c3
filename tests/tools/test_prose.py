"""The prose check: each rule finds its words and leaves good text alone."""

from pathlib import Path

import pytest

from tools import prose

# One sentence for each rule, and the way to say the same that the rule wants.
SENTENCES = {
    "Somebody changed it.": "Another user changed it.",
    "Nobody can read it.": "No user can read it.",
    "Everybody signs in again.": "All users sign in again.",
    "It stands in the history.": "It appears in the history.",
    "We are told the time.": "Lofty returns the time.",
    "By its own word it has ended.": "The token reports that it has expired.",
    "The list is made anew.": "The list is made again.",
    "The button is beside the form.": "The button is next to the form.",
    "They write by turns.": "They write alternately.",
    "It is empty, as mostly.": "It is usually empty.",
    "After so many minutes it ends.": "After that many minutes it ends.",
    "This value is meant.": "This value is intended.",
    "Show what came of it.": "Show the outcome.",
    "It is gone for good.": "It is gone permanently.",
    "All are read in one go.": "All are read in a single call.",
    "Ask once more.": "Ask again.",
    "Before something grave, ask.": "Before a sensitive action, ask.",
    "Odd values are kept.": "Unrecognized values are kept.",
    "A list of which two are empty.": "A list whose first two entries are empty.",
}


def found(text: str) -> list[str]:
    return [advice for _, advice in prose.check_text(text)]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_check_text__discouraged_wording__is_found_with_advice(sentence: str) -> None:
    (advice,) = found(sentence)
    assert "write" in advice


@pytest.mark.parametrize("sentence", SENTENCES.values())
def test_check_text__plain_wording__is_left_alone(sentence: str) -> None:
    assert found(sentence) == []


def test_sentences__of_this_test__cover_each_rule() -> None:
    advice = {text.partition("write ")[2] for sentence in SENTENCES for text in found(sentence)}
    assert advice == set(prose.DISCOURAGED.values())


@pytest.mark.parametrize(
    "text", ["besides", "untold", "oddments", "engrave", "the-odd-one", "odd_"]
)
def test_check_text__part_of_a_longer_word__is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["`beside`", "Write `told` less.", "```\ntold\nanew\n```"])
def test_check_text__code__is_left_alone(text: str) -> None:
    assert found(text) == []


def test_check_text__prose_after_code__is_found_on_its_line() -> None:
    assert [line for line, _ in prose.check_text("a\n```\ntold\n```\n`x` anew")] == [4]


def test_check_text__phrase_over_a_line_break__is_found() -> None:
    assert found("All are read in one\ngo.") == ["“in one go”: write in a single call"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""Ask.\n\nAsk anew.\n"""\n', 3),
        ("x = 1\n# ask anew\n", 2),
        ("x = f'ask anew {1}'\n", 1),
        ("def ask_anew(): ...\n", 1),
        ("\nclass AskAnew: ...\n", 2),
    ],
    ids=["docstring", "comment", "string", "function", "class"],
)
def test_check__python__reads_what_users_read(tmp_path: Path, source: str, line: int) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert list(prose.check(path)) == [f"{path}:{line}: “{word(source)}”: write again"]


def word(source: str) -> str:
    return "Anew" if "class" in source else "anew"


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("x = 'nobody'\n", 0),
        ("x = '/t/nobody/'\n", 0),
        ("x = 'Nobody'\n", 1),
        ("x = 'ask nobody'\n", 1),
    ],
)
def test_check__string_without_blanks_and_capitals__is_a_value(
    tmp_path: Path, source: str, count: int
) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert len(list(prose.check(path))) == count


def test_check__names_that_are_only_used__are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("from library import anew\nanew()\n")
    assert list(prose.check(path)) == []


@pytest.mark.parametrize("name", ["page.html", "guide.md", "script.js", "mail.txt"])
def test_check__other_files__are_read_as_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("fine\nask anew\n")
    assert list(prose.check(path)) == [f"{path}:2: “anew”: write again"]


def test_main__clean_folder__succeeds_without_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main([".github", "SECURITY.md"]) == 0
    assert capsys.readouterr().out == ""


def test_main__file_with_findings__fails_and_prints_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(prose.__dict__, "EXEMPT", ())
    assert prose.main(["tests/tools/test_prose.py"]) == 1
    assert "tests/tools/test_prose.py:" in capsys.readouterr().out
