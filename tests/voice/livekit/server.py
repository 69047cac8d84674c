"""A livekit-server of one's own on loopback."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_BUILT = Path(__file__).parents[3] / ".cache" / "bin" / "livekit-server"
_PATIENCE_SECONDS = 30
KEY = "testkey"
SECRET = "a-secret-of-at-least-thirty-two-characters"
_CONFIG = """
port: {port}
bind_addresses: [127.0.0.1]
rtc:
  tcp_port: {tcp_port}
  udp_port: {udp_port}
  node_ip: 127.0.0.1
  enable_loopback_candidate: true
  interfaces:
    includes: [lo]
keys:
  {key}: {secret}
logging:
  level: info
"""


def server_binary() -> str | None:
    """The path of the server, None where there is none: `make livekit-server` builds it."""
    return str(_BUILT) if _BUILT.exists() else shutil.which("livekit-server")


@dataclass(slots=True)
class LiveKitServerProcess:
    """A server that runs. It keeps its ports when it is started again."""

    binary: str
    folder: Path
    ports: tuple[int, int, int]
    process: subprocess.Popen[str] = field(init=False)
    log: str = field(default="", init=False)
    _reader: threading.Thread = field(init=False)
    _serving: threading.Event = field(default_factory=threading.Event, init=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.ports[0]}"

    @property
    def environment(self) -> dict[str, str]:
        """What clients and workers read."""
        return {"LIVEKIT_URL": self.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}

    def start(self) -> Self:
        """Start it; when this returns it serves."""
        self._serving.clear()
        port, tcp_port, udp_port = self.ports
        config = self.folder / "livekit.yaml"
        config.write_text(_CONFIG.format(port=port, tcp_port=tcp_port, udp_port=udp_port, key=KEY, secret=SECRET))
        self.process = subprocess.Popen(
            [self.binary, "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._serving.wait(_PATIENCE_SECONDS) or self.process.poll() is not None:
            raise AssertionError(f"the server does not serve: {self.log}")
        return self

    def kill(self) -> None:
        """End it without any notice to its clients."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.log += line
                if "starting LiveKit server" in line:
                    self._serving.set()
        self._serving.set()


def make_server(folder: Path) -> LiveKitServerProcess:
    """A server with free ports, not started."""
    binary = server_binary()
    assert binary is not None
    return LiveKitServerProcess(binary, folder, _free_ports())


def _free_ports() -> tuple[int, int, int]:
    kinds = (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM)
    held = [socket.socket(socket.AF_INET, kind) for kind in kinds]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        one, two, three = (each.getsockname()[1] for each in held)
    finally:
        for each in held:
            each.close()
    return one, two, three
