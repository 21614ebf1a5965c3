"""`python -m tools.practice_lofty`: the practice Lofty without Django."""

import sys

from tools.practice_lofty.cli import main

sys.exit(main(sys.argv[1:]))
