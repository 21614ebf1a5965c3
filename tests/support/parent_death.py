"""Let a started process end with the test process that started it, however that one ends.

An interrupted run with several workers kills them before they can clean up.
"""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends; a `preexec_fn` for subprocess.Popen."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
