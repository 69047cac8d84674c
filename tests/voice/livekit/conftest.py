from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface
from tests.voice.livekit.server import LiveKitServerProcess, make_server, server_binary


@pytest.fixture
def livekit_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveKitServerProcess]:
    """A livekit-server of this test's own; this process and those it starts know where it is."""
    if server_binary() is None:
        pytest.skip("no livekit-server: `make livekit-server` builds it where there is Go")
    server = make_server(tmp_path).start()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.kill()


@pytest.fixture
async def bus(genesis_domain: int, livekit_server: LiveKitServerProcess) -> AsyncIterator[GenesisInterface]:
    """Calls agents; there is a livekit-server, too."""
    async with GenesisInterface("test") as interface:
        yield interface
