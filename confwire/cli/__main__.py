"""`python -m confwire.cli` is `confctl`."""

from __future__ import annotations

import sys

from confwire.cli import main

if __name__ == "__main__":
    sys.exit(main())
