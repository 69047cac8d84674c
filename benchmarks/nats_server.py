"""Where the nats-server executable comes from: the Go module proxy, or the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

MODULE = "github.com/nats-io/nats-server/v2@v2.15.2"
CACHE = Path(__file__).resolve().parent.parent / ".cache" / "bin"
INSTALL_SECONDS = 600


class NatsServerMissing(Exception):
    """There is no nats-server, and none can be built."""


def find_nats_server() -> Path:
    """The executable built earlier, else one on the PATH.

    Raises:
        NatsServerMissing: neither is there.
    """
    built = CACHE / "nats-server"
    found = str(built) if built.exists() else shutil.which("nats-server")
    if found is None:
        raise NatsServerMissing(f"no nats-server in {CACHE} or on the PATH")
    return Path(found)


def install_nats_server() -> Path:
    """The executable, built with Go into the repository's cache folder when it is not there yet.

    Raises:
        NatsServerMissing: it cannot be built, and none is on the PATH.
    """
    go = shutil.which("go")
    if go is None or (CACHE / "nats-server").exists():
        return find_nats_server()
    CACHE.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [go, "install", MODULE],
        env=os.environ | {"GOBIN": str(CACHE)},
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    try:
        return find_nats_server()
    except NatsServerMissing as error:
        raise NatsServerMissing(f"{error}; go install {MODULE} failed: {built.stderr.strip()[-300:]}") from error
