"""Every decoder under coverage-guided fuzzing: values and DecodeError come out, in bounded time and memory."""

from __future__ import annotations

import asyncio
import re
import sys
from importlib.util import find_spec

import pytest

from tests.bad_input.test_fuzz import VALID
from tests.resilience.record import Record, recorder

SECONDS = 60


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Notes a row for the table in docs/reliability.md."""
    return recorder(request.node)


@pytest.mark.long
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed (pip install --group resilience)")
@pytest.mark.parametrize("decoder", [decode.__name__ for decode in VALID])
async def test_only_decode_errors_come_out(record: Record, decoder: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bad_input.coverage_fuzz", decoder, str(SECONDS)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode(errors="replace")
    assert process.returncode == 0, output[-4000:]
    runs = re.search(r"Done (\d+) runs", output)
    assert runs is not None, output[-4000:]
    record(
        f"Bytes that coverage-guided fuzzing found, to `{decoder}`",
        trials=int(runs[1]),
        promised="a value or DecodeError, each within 1 s and 1 GB",
        measured="nothing else came out",
    )
