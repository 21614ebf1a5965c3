"""The commit-message check: each rule finds its fault, and good messages pass."""

from pathlib import Path

import pytest

from tools import commit_message

GOOD = "Fix lost focus after closing the drawer"


@pytest.mark.parametrize(
    "message",
    [
        GOOD,
        f"{GOOD}\n",
        f"{GOOD}\n\nThe drawer was removed before focus moved.\n",
        f"{GOOD}\n# Please enter the commit message\n",
        f"\n{GOOD}\n",
        "F" * 60,
        "Merge branch 'a-branch-with-a-very-long-name' into another-branch-with-a-long-name",
        "fixup! fix something",
        f"{GOOD}\n# ------------------------ >8 ------------------------\ndiff told anew",
    ],
)
def test_problems__good_message__none(message: str) -> None:
    assert commit_message.problems(message) == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("", "The subject is empty."),
        ("# only a comment\n", "The subject is empty."),
        ("F" * 61, "The subject has 61 characters; 60 is the limit."),
        (f"{GOOD}.", "The subject ends with a period."),
        ("fix lost focus", "The subject starts with a lowercase letter."),
        (f"{GOOD}\nWhy.", "An empty line is missing between the subject and the body."),
        ("Make the list anew", "“anew”: write again"),
        (f"{GOOD}\n\nIt was made\nfor good.", "“for good”: write permanently"),
    ],
)
def test_problems__fault__is_named(message: str, problem: str) -> None:
    assert commit_message.problems(message) == [problem]


@pytest.mark.parametrize(("message", "code"), [(GOOD, 0), ("fix it.", 1)])
def test_main__message_file__exits_as_git_expects(tmp_path: Path, message: str, code: int) -> None:
    path = tmp_path / "COMMIT_EDITMSG"
    path.write_text(message)
    assert commit_message.main([str(path)]) == code
