from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.cli.command import finish, run, start

AGENTS = """
from __future__ import annotations
import asyncio
from genesis_lib import GenesisAgent

class Parrot(GenesisAgent):
    def __init__(self, agent_name: str = "Parrot") -> None:
        super().__init__(agent_name, "ParrotService", enable_agent_communication=True)

    async def process_agent_request(self, request):
        return {"message": request["message"]}

class Second(Parrot):
    def __init__(self) -> None:
        super().__init__("Second")

class Needy(Parrot):
    def __init__(self, name, *, colour) -> None:
        super().__init__(name)

class Broken(Parrot):
    def __init__(self) -> None:
        raise ValueError("no feathers")

def parrot():
    return Parrot()

class Introspective(Parrot):
    async def process_agent_request(self, request):
        return {"message": type(asyncio.get_running_loop()).__module__}
"""


@pytest.fixture
def agents_file(tmp_path: Path) -> Path:
    path = tmp_path / "birds.py"
    path.write_text(AGENTS)
    return path


async def _until_ready(process: asyncio.subprocess.Process, count: int) -> list[str]:
    assert process.stderr is not None
    return [(await process.stderr.readline()).decode() for _ in range(count)]


async def test_agents_run_on_uvloop_where_it_is_installed(agents_file: Path, genesis_domain: int) -> None:
    process = await start("run", f"{agents_file}:Introspective")
    await _until_ready(process, 1)
    assert (await run("ask", "Parrot", "which loop?")).stdout == "uvloop\n"
    process.terminate()
    assert (await finish(process)).status == 0


async def test_without_uvloop_agents_run_on_asyncio(
    agents_file: Path, genesis_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = tmp_path / "without"
    without.mkdir()
    (without / "uvloop.py").write_text("raise ImportError('not installed')")
    monkeypatch.setenv("PYTHONPATH", str(without))
    process = await start("run", f"{agents_file}:Introspective")
    await _until_ready(process, 1)
    assert (await run("ask", "Parrot", "which loop?")).stdout == "asyncio.unix_events\n"
    process.terminate()
    assert (await finish(process)).status == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_hosts_agents_until_a_signal(agents_file: Path, genesis_domain: int, number: signal.Signals) -> None:
    process = await start("run", f"{agents_file}:Parrot", "birds:Second")
    parrot, second = await _until_ready(process, 2)
    assert parrot.startswith("Parrot  ready  ")
    assert second.startswith("Second  ready  ")
    assert f" s  domain {genesis_domain}  id " in parrot
    assert (await run("ask", "Parrot", "hello")).stdout == "hello\n"
    assert (await run("ask", "Second", "hello")).stdout == "hello\n"
    process.send_signal(number)
    outcome = await finish(process)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "", "")
    assert (await run("agents", "--json", "--wait", "0.3")).json == []


async def test_the_domain_option_reaches_the_agents(agents_file: Path, genesis_domain: int) -> None:
    process = await start(
        "run", "--domain", str(genesis_domain), "birds:Parrot", environment={"GENESIS_DOMAIN_ID": "0"}
    )
    (line,) = await _until_ready(process, 1)
    assert f"  domain {genesis_domain}  " in line
    process.terminate()
    assert (await finish(process)).status == 0


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("birds", "names no class: give MODULE:CLASS"),
        (":Parrot", "names no class"),
        ("nobirds:Parrot", "there is no module 'nobirds'"),
        ("nobirds.py:Parrot", "there is no file nobirds.py"),
        ("birds:Eagle", "birds has no class 'Eagle'; it has Parrot, Second, Needy, Broken"),
        ("birds:parrot", "birds:parrot is no agent class"),
        ("birds:Needy", "cannot be made without arguments: it needs name, colour"),
    ],
)
async def test_a_target_that_cannot_work_is_2(agents_file: Path, genesis_domain: int, target: str, told: str) -> None:
    outcome = await run("run", target)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert told in outcome.stderr
    assert outcome.stderr.startswith("genesis: ")
    assert "Traceback" not in outcome.stderr


async def test_code_that_raises_is_told_with_its_place(agents_file: Path, genesis_domain: int) -> None:
    outcome = await run("run", "birds:Broken")
    assert outcome.status == 1
    assert outcome.stderr == ("genesis: ValueError: no feathers (--debug shows where) (while birds:Broken was made)\n")


@pytest.mark.parametrize(("arguments", "environment"), [(("--debug",), {}), ((), {"GENESIS_LOG_LEVEL": "DEBUG"})])
async def test_a_trace_is_shown_to_those_who_ask(
    agents_file: Path, genesis_domain: int, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    outcome = await run("run", "birds:Broken", *arguments, environment=environment)
    assert outcome.status == 1
    assert "Traceback" in outcome.stderr
    assert 'raise ValueError("no feathers")' in outcome.stderr


async def test_a_module_that_misses_another_says_which(tmp_path: Path, genesis_domain: int) -> None:
    (tmp_path / "needs.py").write_text("import nosuchthing\n")
    outcome = await run("run", "needs:Parrot")
    assert outcome.status == 1
    assert "No module named 'nosuchthing'" in outcome.stderr
    assert "(while needs was imported)" in outcome.stderr


async def test_a_module_that_runs_itself_is_refused(tmp_path: Path, genesis_domain: int) -> None:
    (tmp_path / "selfish.py").write_text(f"{AGENTS}\nimport asyncio\nasyncio.run(Parrot().run())\n")
    outcome = await run("run", "selfish.py:Parrot")
    assert outcome.status == 1
    assert "put that under `if __name__ == '__main__':`" in outcome.stderr
