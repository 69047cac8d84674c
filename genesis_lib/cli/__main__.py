"""`python -m genesis_lib.cli`: the `genesis` command of this interpreter."""

from __future__ import annotations

import sys

from genesis_lib.cli import main

sys.exit(main())
