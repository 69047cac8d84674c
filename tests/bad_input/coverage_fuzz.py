"""`python -m tests.bad_input.coverage_fuzz DECODER SECONDS [SEED...]`: fuzz one decoder, guided by coverage (atheris).

Ends with status 0 when the time is over and nothing but values and DecodeError came out, each within a second and 1 GB.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["genesis_lib"]):
    from genesis_lib.errors import DecodeError
    from tests.bad_input.test_fuzz import VALID

_LONGEST_INPUT = 4096


def main(name: str, seconds: str) -> None:
    """Fuzz, from the valid sample on."""
    decode, valid = next((decode, valid) for decode, valid in VALID.items() if decode.__name__ == name)

    def try_one(data: bytes) -> None:
        try:
            decode(data)
        except DecodeError:
            return

    with tempfile.TemporaryDirectory() as corpus:
        (Path(corpus) / "valid").write_bytes(valid)
        limits = [f"-max_total_time={seconds}", "-timeout=1", "-rss_limit_mb=1024", f"-max_len={_LONGEST_INPUT}"]
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={tempfile.gettempdir()}/", corpus], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
