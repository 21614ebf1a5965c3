"""How often the fault tests repeat."""

import os

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
