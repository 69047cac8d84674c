"""Network namespaces: hosts with a network of their own, on this machine.

A namespace lives as long as the process that holds it, and that one ends with the test's process, however the latter ends.
Nothing has a name that is seen by others, so test workers do not meet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TOOLS = ("ip", "nsenter", "unshare")


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network and a host name of its own; `pid` is the process that holds it."""

    name: str
    pid: int

    @property
    def command_prefix(self) -> tuple[str, ...]:
        """What is put before a command to run it in here."""
        return ("nsenter", "--target", str(self.pid), "--net", "--uts", "--")

    def ip(self, *arguments: str) -> None:
        """`ip` in here."""
        run(*self.command_prefix, "ip", *arguments)


@contextmanager
def namespace(name: str) -> Iterator[Namespace]:
    """A namespace with its loopback up, until the block is left. Processes that are still in it keep it alive."""
    set_up = f"echo {name} > /proc/sys/kernel/hostname && ip link set lo up && echo ready && exec cat"
    with subprocess.Popen(
        ["unshare", "--net", "--uts", "sh", "-c", set_up], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"ready\n":
            raise RuntimeError(f"no network namespace {name}: 'unshare --net --uts' failed")
        yield Namespace(name, holder.pid)


def run(*command: str) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, check=True, capture_output=True)


@cache
def reason_to_skip() -> str:
    """Why there can be no namespaces and cables here, "" when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"network namespaces need {', '.join(missing)} (iproute2, util-linux)"
    if not Path("/dev/net/tun").exists():
        return "the cable between network namespaces needs /dev/net/tun"
    if subprocess.run(["unshare", "--net", "--uts", "true"], capture_output=True, check=False).returncode:
        return "network namespaces are not permitted here"
    return ""
