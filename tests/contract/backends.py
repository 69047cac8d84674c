"""Which DDS products the contract can be checked on here."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

BACKENDS = ("cyclone", "connext")

_OPEN = """
import asyncio
from genesis_lib.dds.open import open_participant
from genesis_lib.errors import ConfigError
from genesis_lib.settings import Settings

async def main():
    try:
        participant = await open_participant(Settings(dds="connext", interfaces=("lo",)))
    except ConfigError as error:
        print(error)
    else:
        await participant.close()

asyncio.run(main())
"""


@cache
def reason_to_skip(backend: str) -> str:
    """Why this product cannot be used here (not installed, no licence), "" when it can or fails in any other way."""
    if backend == "cyclone":
        return ""
    # In a process of its own: a product that was loaded leaves threads behind.
    said = subprocess.run([sys.executable, "-c", _OPEN], capture_output=True, text=True, check=False).stdout
    return said.partition(" It says:")[0].strip()
