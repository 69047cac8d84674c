from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the test's own."""
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENWEATHERMAP_API_KEY",
        "OPENWEATHERMAP_BASE_URL",
        "GENESIS_CONFIG",
        "GENESIS_LOG_LEVEL",
        "CYCLONEDDS_URI",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def marked_processes(monkeypatch: pytest.MonkeyPatch) -> MarkedProcesses:
    """Finds the processes that this test led to, by a variable in their environment."""
    marker = f"GENESIS_TEST_MARKER={id(monkeypatch)}-{Path.cwd().name}"
    name, _, value = marker.partition("=")
    monkeypatch.setenv(name, value)
    return MarkedProcesses(marker)


class MarkedProcesses:
    def __init__(self, marker: str) -> None:
        self._marker = marker.encode()

    def pids(self) -> list[int]:
        """Those that run."""
        return [pid for pid, _ in self._found()]

    def alive(self) -> list[str]:
        """The command lines of those that run."""
        return [command for _, command in self._found()]

    def _found(self) -> list[tuple[int, str]]:
        found = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                if self._marker in (process / "environ").read_bytes().split(b"\0"):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found.append((int(process.name), command))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found
