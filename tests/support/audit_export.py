"""Verify an exported log with the program from the docs."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def recipe() -> str:
    text = (ROOT / "docs" / "audit-export.md").read_text()
    return text.split("```python\n")[1].split("```")[0]


def verified(file: Path) -> "subprocess.CompletedProcess[str]":
    script = file.with_name("verify.py")
    script.write_text(recipe())
    return subprocess.run(
        [sys.executable, "-I", str(script), str(file)],
        env={"AUDIT_KEYS": os.environ["AUDIT_KEYS"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
