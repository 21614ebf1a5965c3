"""Front-end files: pictures inside style sheets become files of their own."""

from pathlib import Path

import pytest

from tools import assets

SHEET = """a{background:url("data:image/svg+xml,%3csvg xmlns='x'/%3e")}
b{background:url('data:image/svg+xml;charset=utf-8,%3Csvg id="y"/%3E')}
/*# sourceMappingURL=tabler.min.css.map */"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source, vendor = tmp_path / "tabler", tmp_path / "vendor"
    for name in (*assets.STYLES, *assets.SCRIPTS):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(SHEET if name.endswith("css") else "x()")
    monkeypatch.setattr(assets, "TABLER", source)
    monkeypatch.setattr(assets, "VENDOR", vendor)
    assets.copy_files()
    return vendor


def test_copy_files__pictures_in_a_sheet__become_files_it_points_to(made: Path) -> None:
    sheet = (made / "tabler.min.css").read_text()
    assert "data:" not in sheet
    assert "sourceMappingURL" not in sheet
    pictures = sorted(path.read_text() for path in made.glob("picture-*.svg"))
    assert pictures == ['<svg id="y"/>', "<svg xmlns='x'/>"]
    for path in made.glob("picture-*.svg"):
        assert f"url({path.name})" in sheet


def test_vendor_files__as_made_from_the_real_packages__hold_no_data_urls() -> None:
    sheets = list((assets.ROOT / "static" / "vendor").glob("*.css"))
    assert sheets, "run `make assets`"
    assert not [sheet.name for sheet in sheets if "data:" in sheet.read_text()]
