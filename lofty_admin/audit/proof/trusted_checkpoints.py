"""Read the checkpoints kept outside the database, and report which can be trusted."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from lofty_admin.audit.proof.signed_checkpoint import Checkpoint
from lofty_admin.audit.proof.verify import Fault, Finding


class TrustedCheckpoints:
    """The checkpoints in a file: `believed` have a valid signature; `findings` are the other lines.

    `path` holds what a sink received: one checkpoint per line; repeated and empty lines are fine.
    The first may be any of the chain; from there on none may be missing. `keys`: public keys by id.
    `believed` is in the file's order. Never raises: a missing file is a finding.
    """

    def __init__(self, path: Path, keys: Mapping[str, bytes]) -> None:
        self.keys = keys
        self.believed: list[Checkpoint] = []
        self.findings: list[Finding] = list(self._read(path))

    def _read(self, path: Path) -> Iterator[Finding]:
        seen, before = set(), ""
        for number, text in enumerate(_lines(path), start=1):
            place = f"anchor line {number}"
            try:
                checkpoint = Checkpoint.parse(text)
            except ValueError:
                if text:
                    yield Finding(Fault.ANCHOR_UNREADABLE, place, "It is not a checkpoint.")
                continue
            if checkpoint.hash in seen:
                continue
            if before and checkpoint.previous != before:
                message = "It does not follow the checkpoint before it."
                yield Finding(Fault.ANCHOR_GAP, place, message)
            before = checkpoint.hash
            seen.add(before)
            yield from self._judge(checkpoint, place)
        if not self.believed:
            message = f"{path} can't be read, or has no checkpoint that verifies."
            yield Finding(Fault.ANCHOR_MISSING, "log", message)

    def _judge(self, checkpoint: Checkpoint, place: str) -> Iterator[Finding]:
        key = self.keys.get(checkpoint.key_id)
        if key is None:
            message = f"No public key was given for {checkpoint.key_id!r}."
            yield Finding(Fault.ANCHOR_UNKNOWN_KEY, place, message)
        elif not checkpoint.is_signed_by(key):
            message = "It was changed, or not written by this console."
            yield Finding(Fault.ANCHOR_SIGNATURE, place, message)
        else:
            self.believed.append(checkpoint)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file; stop without an error when it cannot be read."""
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            yield line.strip()
