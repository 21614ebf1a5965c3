"""`python -m lofty_admin.sandbox`: the practice Lofty without Django."""

import sys

from lofty_admin.sandbox.cli import main

sys.exit(main(sys.argv[1:]))
