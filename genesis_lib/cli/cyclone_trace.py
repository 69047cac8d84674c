"""What Cyclone DDS tells in its trace alone: the interfaces it uses, and where other participants are."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import IO

_SELECTED = re.compile(r"(\S+) \(index \d+ priority -?\d+ mc \{([^}]*)\}\)")
_ANNOUNCED = re.compile(
    r"SPDP ST0 ([0-9a-f]+):([0-9a-f]+):([0-9a-f]+):([0-9a-f]+) .*? NEW .*?\(data (.*?) meta (.*?)\)"
)
_UDP_ADDRESS = re.compile(r"udp/([0-9.]+):\d+")


@dataclass(slots=True)
class Told:
    """`selected` maps the interfaces in use to whether Cyclone DDS multicasts there. `addresses` maps the keys of
    participants, in hex, to the unicast IP addresses they gave."""

    selected: dict[str, bool] = field(default_factory=dict)
    addresses: dict[str, list[str]] = field(default_factory=dict)


class CycloneTrace:
    """The trace while it is written."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def read(self) -> Told:
        """All that was told so far."""
        told = Told()
        self._file.seek(0)
        for line in self._file:
            if "selected interfaces:" in line:
                told.selected = {name: bool(multicasts) for name, multicasts in _SELECTED.findall(line)}
            announced = _ANNOUNCED.search(line)
            if announced is not None:
                key = "".join(part.zfill(8) for part in announced.group(1, 2, 3, 4))
                addresses = dict.fromkeys(_UDP_ADDRESS.findall(announced[6]))
                told.addresses[key] = [address for address in addresses if not ip_address(address).is_multicast]
        return told


@contextmanager
def cyclone_trace() -> Iterator[CycloneTrace]:
    """Let the domain that is opened in the block write a trace."""
    before = os.environ.get("CYCLONEDDS_URI")
    with tempfile.NamedTemporaryFile("r", prefix="genesis-doctor-", encoding="utf-8", errors="replace") as file:
        tracing = f"<Category>config,discovery</Category><OutputFile>{file.name}</OutputFile>"
        ours = f'<CycloneDDS><Domain Id="any"><Tracing>{tracing}</Tracing></Domain></CycloneDDS>'
        os.environ["CYCLONEDDS_URI"] = f"{before},{ours}" if before else ours
        try:
            yield CycloneTrace(file)
        finally:
            if before is None:
                del os.environ["CYCLONEDDS_URI"]
            else:
                os.environ["CYCLONEDDS_URI"] = before
