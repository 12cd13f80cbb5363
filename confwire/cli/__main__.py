"""`python -m confwire.cli` is `confctl`."""

from __future__ import annotations

import sys

from confwire.cli.program import main

sys.exit(main())
