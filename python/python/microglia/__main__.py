"""The program ``microglia``: ``python -m microglia train --data sales.csv``."""

from __future__ import annotations

import os
import sys

from microglia import _native


def main() -> int:
    """Run the program with the process's arguments; returns its exit code."""
    # Mesa's layer that orders adapters puts an error on stderr where there is no desktop.
    if "XDG_RUNTIME_DIR" not in os.environ and "MESA_VK_DEVICE_SELECT" not in os.environ:
        os.environ["NODEVICE_SELECT"] = "1"
    return _native.main([sys.executable, "-m", "microglia"], ["microglia", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
