"""F2: who may call whom and what, between processes; denied requests run nothing, the operator hears of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genesis_lib import ConfigError, GenesisInterface, NotAuthorised
from genesis_lib.events import EventType, Severity
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.shared import own_domain, running
from tests.security.agents import Caller, Guarded
from tests.security.conftest import Ask, Events

POLICY = {
    "default": "deny",
    "rules": [
        {"effect": "deny", "functions": ["remove"]},
        {"effect": "allow", "callers": ["billing"], "targets": ["Books"]},
        {"effect": "allow", "callers": ["shop"], "functions": ["ad*"]},
        {"effect": "allow", "callers": ["auditor"], "capabilities": ["audit"]},
        {"effect": "allow", "callers": ["@unannounced"], "functions": ["executed", "announce"]},
    ],
}
WAYS = ("message", "stream", "batch", "add")
FILE = """\
default = "deny"

[[rule]]
effect = "allow"
callers = ["{callers}"]
"""


@pytest.fixture(scope="module")
def shared_domain() -> Iterator[int]:
    with own_domain() as domain:
        yield domain


@pytest.fixture(scope="module")
def ledger(shared_domain: int) -> Iterator[str]:
    """The id of a guarded agent, with the callers billing, shop, auditor and stranger, each in a process of its own."""
    callers: list[tuple[type[Any], dict[str, Any], dict[str, str]]] = [
        (Caller, {"agent_id": name}, {}) for name in ("billing", "shop", "auditor", "stranger")
    ]
    with running((Guarded, {"agent_id": "ledger", "policy": POLICY}, {}), *callers):
        yield "ledger"


@pytest.fixture
def genesis_domain(request: pytest.FixtureRequest) -> int:
    """That of the shared agents for tests that use them, else one of the test's own."""
    if "ledger" in request.fixturenames:
        return int(request.getfixturevalue("shared_domain"))
    return int(request.getfixturevalue("lone_domain"))


@pytest.fixture
def lone_domain() -> Iterator[int]:
    with own_domain() as domain:
        yield domain


async def executed(bus: GenesisInterface) -> int:
    return int(await bus.call_function("ledger", "executed", timeout_seconds=30))


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_allowed_is_executed(ledger: str, ask: Ask, bus: GenesisInterface, way: str) -> None:
    expected = {
        "message": "hello for billing",
        "stream": ["hello for billing"],
        "batch": ["one for billing", "two for billing"],
        "add": 3,
    }
    assert await ask("billing", f"{way} {ledger}") == {"result": expected[way]}


@pytest.mark.parametrize("way", WAYS)
async def test_who_is_not_allowed_gets_a_typed_error_and_runs_nothing(
    ledger: str, ask: Ask, bus: GenesisInterface, way: str
) -> None:
    before = await executed(bus)
    answer = await ask("stranger", f"{way} {ledger}")
    what = "function add of Ledger" if way == "add" else "Ledger"
    assert answer == {
        "error": "NotAuthorised",
        "text": f"agent stranger may not call {what} (ledger): denied by the default of its access policy",
        "target": ledger,
    }
    assert await executed(bus) == before


async def test_denied_by_function(ledger: str, ask: Ask, bus: GenesisInterface) -> None:
    before = await executed(bus)
    answer = await ask("billing", f"remove {ledger}")
    assert answer["error"] == "NotAuthorised"
    assert "agent billing may not call function remove of Ledger" in answer["text"]
    assert "denied by rule 1" in answer["text"]
    assert await executed(bus) == before


async def test_allowed_for_a_function_only(ledger: str, ask: Ask) -> None:
    assert await ask("shop", f"add {ledger}") == {"result": 3}
    for way in ("message", "stream", "batch"):
        assert (await ask("shop", f"{way} {ledger}"))["error"] == "NotAuthorised"


async def test_a_rule_by_capability_follows_what_the_agent_announces(
    ledger: str, ask: Ask, bus: GenesisInterface
) -> None:
    assert (await ask("auditor", f"add {ledger}"))["error"] == "NotAuthorised"
    await bus.call_function(ledger, "announce", capability="audit")
    assert await ask("auditor", f"add {ledger}") == {"result": 3}
    await bus.call_function(ledger, "announce", capability="accounting")
    assert (await ask("auditor", f"add {ledger}"))["error"] == "NotAuthorised"


async def test_who_announced_nothing(ledger: str, bus: GenesisInterface) -> None:
    before = await executed(bus)
    with pytest.raises(NotAuthorised, match=r"participant [0-9a-f]{32}, which announced no agent, may not call Ledger"):
        await bus.request_agent(ledger, "hello")
    with pytest.raises(NotAuthorised):
        await bus.send_agent_batch(ledger, ["hello"])
    with pytest.raises(NotAuthorised):
        async for _ in bus.stream_agent_request(ledger, "hello"):
            pass
    assert await executed(bus) == before


async def test_the_operator_is_told(ledger: str, ask: Ask, bus: GenesisInterface, events: Events) -> None:
    await executed(bus)
    await ask("stranger", f"add {ledger}")
    event = await events.newest(EventType.AGENT_REQUEST_REFUSED)
    assert (event.component_id, event.source_id, event.target_id) == (ledger, "stranger", ledger)
    assert (event.status, event.severity) == (NotAuthorised.status, Severity.WARN)
    assert event.message.startswith("NotAuthorised: agent stranger may not call function add of Ledger")
    assert event.payload["method"] == "add"


async def test_a_policy_file_is_read_again_when_it_changes(
    agent_process: StartAgentProcess, ask: Ask, bus: GenesisInterface, events: Events, tmp_path: Path
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(FILE.format(callers="billing"), encoding="utf-8")
    await agent_process(Guarded, {"agent_id": "ledger"}, {"GENESIS_POLICY_FILE": str(path)})
    for name in ("billing", "shop"):
        await agent_process(Caller, {"agent_id": name})
    with pytest.raises(NotAuthorised):
        await bus.request_agent("ledger", "hello")
    assert await ask("billing", "add ledger") == {"result": 3}
    assert (await ask("shop", "add ledger"))["error"] == "NotAuthorised"

    new = tmp_path / "policy.new"
    new.write_text(FILE.format(callers="shop"), encoding="utf-8")
    new.replace(path)
    event = await events.newest(EventType.ACCESS_POLICY_CHANGED)
    assert (event.component_id, event.message) == ("ledger", "Ledger: 1 rule, default deny")
    assert await ask("shop", "add ledger") == {"result": 3}
    assert (await ask("billing", "add ledger"))["error"] == "NotAuthorised"

    path.unlink()
    assert "cannot be read" in (await events.newest(EventType.ACCESS_POLICY_REFUSED)).message
    assert await ask("shop", "add ledger") == {"result": 3}
    assert (await ask("billing", "add ledger"))["error"] == "NotAuthorised"

    path.write_text(FILE.format(callers="*"), encoding="utf-8")
    await events.newest(EventType.ACCESS_POLICY_CHANGED, 2)
    assert await ask("shop", "add ledger") == await ask("billing", "add ledger") == {"result": 3}


async def test_a_malformed_policy_file_leaves_the_old_policy_in_force(
    agent_process: StartAgentProcess, ask: Ask, bus: GenesisInterface, events: Events, tmp_path: Path
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(FILE.format(callers="billing"), encoding="utf-8")
    process = await agent_process(Guarded, {"agent_id": "ledger"}, {"GENESIS_POLICY_FILE": str(path)})
    for name in ("billing", "shop"):
        await agent_process(Caller, {"agent_id": name})
    assert await ask("billing", "add ledger") == {"result": 3}

    path.write_text(FILE.format(callers="shop").replace('"allow"', '"permit"'), encoding="utf-8")
    event = await events.newest(EventType.ACCESS_POLICY_REFUSED)
    assert (event.component_id, event.severity) == ("ledger", Severity.WARN)
    assert f"{path}, line 4: effect has to be" in event.message
    assert f"{path}, line 4: effect has to be" in process.errors()
    assert await ask("billing", "add ledger") == {"result": 3}
    assert (await ask("shop", "add ledger"))["error"] == "NotAuthorised"

    path.write_text(FILE.format(callers="shop"), encoding="utf-8")
    await events.newest(EventType.ACCESS_POLICY_CHANGED)
    assert await ask("shop", "add ledger") == {"result": 3}


async def test_a_malformed_policy_file_at_the_start_is_a_config_error(
    agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(FILE.format(callers="The Shop"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"PolicyFileError: access policy .*policy\.toml, line 5: callers are agent ids"
    ):
        await agent_process(Guarded, {"agent_id": "ledger"}, {"GENESIS_POLICY_FILE": str(path)})
    with pytest.raises(ConfigError, match=r"nowhere\.toml: it cannot be read"):
        await agent_process(Guarded, {"agent_id": "ledger"}, {"GENESIS_POLICY_FILE": str(tmp_path / "nowhere.toml")})


async def test_the_argument_goes_before_the_file(
    agent_process: StartAgentProcess, bus: GenesisInterface, tmp_path: Path
) -> None:
    environment = {"GENESIS_POLICY_FILE": str(tmp_path / "nowhere.toml")}
    await agent_process(Guarded, {"agent_id": "ledger", "policy": {"default": "allow", "rules": []}}, environment)
    assert (await bus.request_agent("ledger", "hello", wait=True))["message"].startswith("hello for")


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"access_policy has to be an AccessPolicy, this is 'policy\.toml'"):
        Guarded(access_policy="policy.toml")
