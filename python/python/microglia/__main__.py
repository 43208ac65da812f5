"""The program ``microglia``: ``python -m microglia train --data sales.csv``."""

from __future__ import annotations

import sys

from microglia import _native
from microglia._watch import quiet_device_selection


def main() -> int:
    """Run the program with the process's arguments; returns its exit code."""
    quiet_device_selection()
    return _native.main([sys.executable, "-m", "microglia"], ["microglia", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
