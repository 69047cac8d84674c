"""`genesis voice run --room livekit`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.voice.livekit.calls import SHORT
from tests.voice.livekit.server import KEY, SECRET, LiveKitServerProcess

NOBODY = {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


async def test_a_call(livekit_server: LiveKitServerProcess, tmp_path: Path) -> None:
    arguments = ("voice", "run", SHORT, "--room", "livekit", "--out", str(tmp_path / "call"), "--json")
    outcome = await run(*arguments, environment=livekit_server.environment)
    assert outcome.status == 0, outcome.stderr
    assert outcome.json["success"] is True
    assert "LiveKit room: short" in outcome.stderr
    assert json.loads((tmp_path / "call" / "figures.json").read_text())["turns"] == 3


async def test_variables_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NOBODY:
        monkeypatch.delenv(name, raising=False)
    outcome = await run("voice", "run", SHORT, "--room", "livekit", "--out", str(tmp_path / "call"))
    assert outcome.status != 0
    assert all(name in outcome.stderr for name in NOBODY)


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    outcome = await run("voice", "run", SHORT, "--room", "livekit", "--out", str(tmp_path / "call"), environment=NOBODY)
    assert outcome.status != 0
    assert "the LiveKit server at ws://127.0.0.1:9 (LIVEKIT_URL) cannot be reached" in outcome.stderr


@pytest.mark.parametrize("wrong", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
async def test_credentials_that_are_wrong(livekit_server: LiveKitServerProcess, tmp_path: Path, wrong: str) -> None:
    environment = {**livekit_server.environment, wrong: "another-secret-of-thirty-two-characters"}
    outcome = await run(
        "voice", "run", SHORT, "--room", "livekit", "--out", str(tmp_path / "call"), environment=environment
    )
    assert outcome.status != 0
    assert "does not know the key" in outcome.stderr
    assert SECRET not in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--room", "livekit", "--pace", "fast"), "real time"),
        (("--room", "livekit", "--listen"), "genesis voice token"),
        (("--person", "customer"), "--room livekit"),
    ],
)
async def test_what_does_not_go_together(arguments: tuple[str, ...], told: str) -> None:
    outcome = await run("voice", "run", SHORT, *arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert told in outcome.stderr
