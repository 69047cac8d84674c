"""`genesis voice`: scenarios and personas listed, documents made anew, a call shown while it goes on."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import sys
import wave
from pathlib import Path

import pytest

from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.persona import list_personas
from genesis_lib.voice.scenario import list_scenarios
from tests.cli.command import GENESIS, finish, run
from tests.voice.disks import small_disk
from tests.voice.recorded import record_call

SHOW = """\
from genesis_lib.cli.voice_show import CallDisplay
from tests.voice.recorded import CUSTOMER, SUPPORT, feed_controls, feed_transcripts

with CallDisplay({CUSTOMER: "Ada\\x1b[2J", SUPPORT: "Ben"}, 60) as display:
    feed_controls(display)
    feed_transcripts(display)
    display.bus_call(SUPPORT, "WeatherAgent", 80_000, 0.25)
    display.bus_call(SUPPORT, "WeatherAgent", 81_000, 0.5, error="AgentLost: gone")
"""


HOURS = """\
title = "Opening hours"
description = "Somebody asks when the shop opens."
opens = "support"

[success]
heard = [{ by = "customer", words = ["nine", "morning"] }]

[support]
persona = "patient-agent"

[[support.steps]]
say = "The shop opens at nine in the morning."

[customer]
persona = "traveller"

[[customer.steps]]
expects = ["opens", "nine", "morning"]
say = "Thank you, goodbye."
hang_up = "the hours are known"
"""


async def test_list_names_every_scenario_and_persona() -> None:
    outcome = await run("voice", "list")
    assert (outcome.status, outcome.stderr) == (0, "")
    first_words = {line.split()[0] for line in outcome.stdout.splitlines() if line}
    assert {"SCENARIO", "PERSONA", *list_scenarios(), *list_personas()} == first_words


async def test_list_as_json() -> None:
    listed = (await run("voice", "list", "--json")).json
    assert [one["id"] for one in listed["scenarios"]] == list(list_scenarios())
    assert [one["id"] for one in listed["personas"]] == list(list_personas())
    weather = next(one for one in listed["scenarios"] if one["id"] == "weather")
    assert weather["title"] == list_scenarios()["weather"].title
    assert weather["customer"]["persona"] in list_personas()


async def test_page_makes_the_documents_anew(tmp_path: Path) -> None:
    await record_call(tmp_path / "call")
    outcome = await run("voice", "page", str(tmp_path / "call"))
    assert outcome.stdout == f"{tmp_path}/call/index.html\n"
    assert {path.name for path in (tmp_path / "call").iterdir()} == {
        "call.wav", "events.jsonl", "figures.json", "index.html", "transcript.vtt"
    }  # fmt: skip
    outcome = await run("voice", "page", str(tmp_path / "call"), "--json")
    assert outcome.json == json.loads((tmp_path / "call" / "figures.json").read_text())


async def test_page_of_what_is_no_recording(tmp_path: Path) -> None:
    outcome = await run("voice", "page", str(tmp_path))
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith(f"genesis: {tmp_path} holds no recording of a call")


@pytest.mark.parametrize("arguments", [("voice",), ("voice", "page"), ("voice", "list", "all"), ("voice", "sing")])
async def test_bad_usage_is_2(arguments: tuple[str, ...]) -> None:
    outcome = await run(*arguments)
    assert (outcome.status, outcome.stdout) == (2, "")


async def show(stdout: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SHOW),
        stdout=stdout,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TERM": "xterm", "COLUMNS": "100"},
    )
    assert await process.wait() == 0


async def test_a_call_is_shown_in_plain_lines(tmp_path: Path) -> None:
    with (tmp_path / "shown").open("w") as stdout:
        await show(stdout.fileno())
    assert (tmp_path / "shown").read_text().splitlines() == [
        "  0:09  Ada\\x1b[2J  interrupts",
        "  0:16  Ada\\x1b[2J  hangs up: all is said",
        "  0:00  Ada\\x1b[2J  Hello, what is the weather in Vienna?",
        "  0:03  Ben         One moment, I ask our weather agent.",
        "  0:05  Ada\\x1b[2J  heard: one moment i ask our whether agent",
        "  0:06  Ben         In Vienna it is 21 degrees and sunny, with a light wind from",
        "  0:09  Ada\\x1b[2J  heard: in vienna it is twenty one degrees",
        "  0:09  Ada\\x1b[2J  But is it going to rain & <b>storm</b>?",
        "  0:11  Ben         heard: but is it going to rain and storm",
        "  0:12  Ben         No rain today.",
        "  0:14  Ada\\x1b[2J  Thank you, goodbye!",
        "  0:05  Ben         calls WeatherAgent: answered, 0.25 s",
        "  0:05  Ben         calls WeatherAgent: AgentLost: gone, 0.50 s",
    ]


async def test_on_a_terminal_progress_is_shown_below(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    shown = asyncio.create_task(asyncio.to_thread(_read_all, ours))
    await show(theirs)
    os.close(theirs)
    text = await shown
    assert "No rain today." in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "0:16 of 1:00" in text
    assert "5 turns" in text
    assert "\x1b[2J" not in text


def _read_all(terminal: int) -> str:
    pieces = []
    try:
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return b"".join(pieces).decode()


async def test_batch_holds_calls_one_after_the_other_and_shows_what_became_of_each(tmp_path: Path) -> None:
    """One is held twice and reaches what it wants; in one, whose names look like styles of the table, a persona is missing.
    The recording that is there already stays."""
    hours, odd = tmp_path / "hours.toml", tmp_path / "[" / "odd].toml"
    hours.write_text(HOURS)
    odd.parent.mkdir()
    odd.write_text(HOURS.replace("traveller", "[red]nobody.toml"))
    await record_call(tmp_path / "calls" / "hours-1")
    before = (tmp_path / "calls" / "hours-1" / "events.jsonl").read_bytes()
    outcome = await run("voice", "batch", str(hours), str(odd), str(hours), "--out", str(tmp_path / "calls"))
    assert outcome.status == 1, outcome.stderr
    _, first, failed, second = outcome.stdout.splitlines()
    for reached in (first, second):
        assert reached.split()[:2] == [str(hours), "reached"], outcome
        assert reached.endswith("the hours are known")
    assert failed.split()[:2] == [str(odd), "failed"]
    assert failed.endswith("persona [red]nobody.toml: it cannot be read: No such file or directory")
    assert (tmp_path / "calls" / "hours-1" / "events.jsonl").read_bytes() == before
    for name in ("hours-2", "hours-3"):
        assert f"recorded in {tmp_path}/calls/{name}\n" in outcome.stderr
        assert (tmp_path / "calls" / name / "index.html").exists()


async def test_a_full_disk_ends_the_call(tmp_path: Path) -> None:
    """The disk is seen by the command alone, so it copies what it has recorded."""
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    command = f"{GENESIS} voice run appointment --pace fast --out {disk}/call; status=$?; cp -r {disk}/call {kept}; exit $status"
    process = await asyncio.create_subprocess_exec(
        *(*small_disk(disk), "sh", "-c", command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    outcome = await finish(process)
    assert outcome.status == 1
    last = outcome.stderr.splitlines()[-1]
    assert last == (
        f"genesis: the recording in {disk}/call cannot be written: No space left on device; what there is of it is readable"
    )
    call = read_captured(kept)
    # There may have been room for this line where there was none for the audio.
    assert "No space left on device" in call.reason or call.reason == "the recording breaks off without an end"
    assert call.utterances
    with wave.open(str(kept / "call.wav")) as audio:
        assert audio.getnframes() > 16_000
