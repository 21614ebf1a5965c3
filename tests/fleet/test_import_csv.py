"""Reading lists: formats of spreadsheets, hostile cells, and no cell echoed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.fleet.import_csv import (
    MOST_ROWS,
    BadTable,
    Line,
    decode,
    looks_like_token,
    read_table,
)
from lofty_admin.lofty.client import Scheme

TOKEN = "canary-Acme-0123456789-abcdefgh-WXYZ"
HEAD = "name,slug,scheme,token,groups\n"


def one(row: str, head: str = HEAD) -> Line:
    (line,) = read_table(head + row)
    return line


def test_read_table__a_full_row__all_of_it() -> None:
    line = one(f"Acme Realty,acme,API key,{TOKEN},west|Big ones")
    assert line == Line(2, "Acme Realty", "acme", Scheme.API_KEY, TOKEN, ("west", "Big ones"))
    assert TOKEN not in repr(line)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_read_table__separators_line_ends_and_mark__make_no_difference(
    separator: str, end: str, mark: str
) -> None:
    rows = [["Name", "Scheme", "Token"], ["Acme", "oauth", TOKEN], [], ["Globex", "", ""], []]
    text = mark + end.join(separator.join(row) for row in rows)
    acme, globex = read_table(text)
    assert (acme.name, acme.slug, acme.scheme, acme.token) == ("Acme", "acme", Scheme.OAUTH, TOKEN)
    assert (globex.name, globex.problems, globex.number) == ("Globex", (), 4)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("name\nBüro Süd".encode(), "Büro Süd"),
        ("name\nBüro Süd".encode("utf-8-sig"), "Büro Süd"),
        ("name\tslug\nBüro Süd\t".encode("utf-16"), "Büro Süd"),
    ],
)
def test_decode__encodings_of_spreadsheets__read(data: bytes, name: str) -> None:
    assert read_table(decode(data))[0].name == name


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_decode__utf_16_without_its_mark__read(encoding: str) -> None:
    assert read_table(decode("name\nBüro Süd".encode(encoding)))[0].name == "Büro Süd"


@pytest.mark.parametrize(
    "text",
    [
        "name,slug,,,\nAcme,acme,,,\nGlobex,globex,,,\n,,,,\n,,,,\n",
        "name,,slug\nAcme,,acme\nGlobex,,globex\n",
        "name,slug\nAcme,acme,,,,\nGlobex,globex, ,\u00a0,\u200b\n",
        "name,slug,\u00a0,\ufeff\nAcme,acme\nGlobex,globex\n\u00a0,\u00a0\n",
        "sep=;\r\nname;slug\r\nAcme;acme\r\nGlobex;globex\r\n",
        '\ufeff"sep=,",,\nname,slug\nAcme,acme\nGlobex,globex\n',
        "SEP=\t\nname\tslug\nAcme\tacme\nGlobex\tglobex\n",
        "\u00a0NAME\u00a0|\u200bShört Ñame\nAcme|acme\nGlobex|globex\n",
        "Näme,SHORT_NAME\n\u00a0Acme\u2007,\u200bacme\ufeff\n\u202aGlobex\u202c,globex\n",
    ],
)
def test_read_table__blanks_as_spreadsheets_leave_them__ignored(text: str) -> None:
    rows = [(line.name, line.slug, line.problems) for line in read_table(text)]
    assert rows == [("Acme", "acme", ()), ("Globex", "globex", ())]


def test_read_table__separator_named_first__lines_keep_their_numbers() -> None:
    (line,) = read_table("sep=;\nname;slug\n;acme\n")
    assert line.number == 3


def test_read_table__accent_at_the_end_of_a_name__kept() -> None:
    assert one("Jose\N{COMBINING ACUTE ACCENT}").name == "Jose\N{COMBINING ACUTE ACCENT}"


@pytest.mark.parametrize("data", [b"PK\x03\x04\xff\xfe", "name\nBüro".encode("latin-1")])
def test_decode__something_else__says_how_to_save_it(data: bytes) -> None:
    with pytest.raises(BadTable, match="CSV UTF-8"):
        decode(data)


def test_read_table__quoted_cells__separators_quotes_and_line_breaks_in_them() -> None:
    first, second = read_table('name;groups\n"Acme; ""the"" Realty";"a;b"\n"Two\nlines";x\n')
    assert (first.name, first.groups) == ('Acme; "the" Realty', ("a", "b"))
    assert (second.number, second.name) == (3, "")
    assert "line break" in second.problems[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (f"Acme,acme,API key,{TOKEN}\n", "must name the columns"),
        (f"name,{TOKEN}\nAcme,x\n", "number 2"),
        ("name,name\nAcme,x\n", "twice"),
        ("slug\nacme\n", "must name the columns"),
        (HEAD, "has a header but no rows"),
        (f'name,token\n"Acme,{TOKEN}\n', "from line 2 on"),
        (f'name,token\nAcme,"{TOKEN}"x\n', "from line 2 on"),
        ("name,token\nAcme," + "x" * 200_000, "from line 2 on"),
        (HEAD + "Acme\n" * (MOST_ROWS + 1), f"more than {MOST_ROWS}"),
        (
            f"name,,token\nAcme,,\nGlobex,{TOKEN},\n",
            "Column 2 has no name in the header, but line 3",
        ),
        (
            f"name,slug,,\nAcme,a,,\nGlobex,g,,{TOKEN}\n",
            "Column 4 has no name in the header, but line 3",
        ),
        (f"name\nAc\x00me{TOKEN}\n", "Line 2 has control characters"),
        (f"name,groups\nAcme,we\x1bst{TOKEN}\n", "Line 2 has control characters"),
    ],
)
def test_read_table__not_a_list__says_why_and_repeats_nothing(text: str, words: str) -> None:
    with pytest.raises(BadTable, match=words) as caught:
        read_table(text)
    assert TOKEN not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",acme", "Name is missing"),
        (TOKEN, "looks like a token"),
        (f"Acme,{TOKEN}", "short name looks like a token"),
        ("Acme,add", "reserved"),
        ("Acme,A b", "lowercase letters"),
        ("Acme," + "a" * 51, "50 at most"),
        ("房地产", "can't be derived from the name"),
        ("x" * 121, "longer than 120"),
        ('"Acme\nInc"', "line break or another invalid character"),
        (f"Acme,,,{TOKEN}", "needs a scheme"),
        (f"Acme,,{TOKEN},{TOKEN}", "scheme must be"),
        ("Acme,,api_key,two words", "can't be a Lofty token"),
        ("Acme,,api_key,Bearer token-0123456789", "without the word “Bearer”"),
        ("Acme,,api_key,“quoted-token-0123456789”", "quotation marks"),
        ("Acme,,api_key,'quoted token-0123456789'", "quotation marks"),
        (f"Acme,,,,west|{TOKEN}", "group looks like a token"),
        (f"Acme,,,,west,{TOKEN}", "more cells"),
    ],
)
def test_read_table__bad_row__says_why_and_repeats_no_token(row: str, words: str) -> None:
    line = one(row)
    assert words in " ".join(line.problems)
    shown = f"{line.name} {line.slug} {line.groups} {line.problems}"
    assert TOKEN not in shown
    assert "two words" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhY21lIn0.c2lnbmF0dXJl0", True),
        ("0b8e63c2-4f7e-4a3c-9d53-0c5f0a8d2b11", True),
        ("practice-Zk3jd93jdkfjeWzzP0dkfjdkf9d", True),
        ("Keller Williams Premier Realty 2024", False),
        ("keller-williams-premier-realty-2024", False),
        ("Donaudampfschifffahrtsgesellschaft", False),
        ("", False),
    ],
)
def test_looks_like_token__tokens_and_names__are_distinguished(text: str, expected: bool) -> None:
    assert looks_like_token(text) is expected


@given(st.text(max_size=400))
def test_read_table__any_text__lines_or_a_plain_refusal(text: str) -> None:
    lines = []
    with suppress(BadTable):
        lines = read_table("name,token\n" + text)
    assert all(line.problems or (line.name and line.slug) for line in lines)
