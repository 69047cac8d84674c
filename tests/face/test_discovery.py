"""A4: agents find each other whoever comes first, and notice who leaves, however they leave."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

from genesis_lib import AgentInfo, GenesisInterface, MonitoredInterface
from genesis_lib.dds.port import InstanceState
from genesis_lib.discovery.wire import AGENT_TOPIC, decode_agent, decode_agent_key
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.face.agents import Probe, Toolbox
from tests.face.watching import PATIENCE_SECONDS, Host, RawReader, departure_of, raw_reader, soon

CARD: dict[str, Any] = {
    "agent_type": "specialized",
    "specializations": ["weather", "Wetter"],
    "capabilities": ["current_weather", "weather_alerts"],
    "classification_tags": ["rain", "天気"],
    "model_info": {"model_type": "llama", "context": 8192, "nested": {"quantised": True}},
    "default_capable": True,
    "performance_metrics": {"accuracy": 0.97, "latency_ms": 12},
}
IDENTITY = {
    "agent_name": "Weather",
    "base_service_name": "WeatherService",
    "agent_id": "w1",
    "description": "Knows rain.",
}


def announced(info: AgentInfo) -> dict[str, Any]:
    """Everything but the time of the announcement."""
    return {key: value for key, value in info.items() if key != "last_seen"}


async def test_a_late_joiner_sees_every_live_agent(genesis_domain: int, agent_process: StartAgentProcess) -> None:
    ids = {f"agent-{number}" for number in range(3)}
    await asyncio.gather(*(agent_process(Probe, {"agent_id": agent_id}) for agent_id in ids))
    await agent_process(Probe, {"agent_id": "late"})
    async with GenesisInterface("later still") as bus:
        for agent_id in ids:
            assert (await bus.request_agent("late", f"know {agent_id}"))["message"] == "True"
            assert await bus.wait_for_agent(agent_id)
        assert set(json.loads((await bus.request_agent("late", "see"))["message"])) == ids
        assert set(bus.get_discovered_agents()) == ids | {"late"}


async def test_who_was_there_first_sees_who_comes_later(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="first")
    await host(Probe, agent_id="second")
    assert (await bus.request_agent("first", "know second"))["message"] == "True"


async def test_the_whole_card_arrives(bus: GenesisInterface, host: Host) -> None:
    process = await host(Probe, **IDENTITY, card=CARD)
    assert await bus.wait_for_agent("w1")
    info = bus.discovered_agents["w1"]
    assert (info.agent_id, info.name, info.description) == ("w1", "Weather", "Knows rain.")
    assert (info.agent_type, info.service_name) == ("specialized", "WeatherService_w1")
    assert info.specializations == ("weather", "Wetter")
    assert info.capabilities == ("current_weather", "weather_alerts")
    assert info.classification_tags == ("rain", "天気")
    assert info.model_info == CARD["model_info"]
    assert info.performance_metrics == CARD["performance_metrics"]
    assert info.default_capable is True
    assert info.last_seen > 1_700_000_000
    assert info.pid == process.pid


async def test_capabilities_survive_all_that_the_agent_does(
    genesis_domain: int, agent_process: StartAgentProcess
) -> None:
    await agent_process(Probe, {**IDENTITY, "card": CARD})
    async with MonitoredInterface("driver") as bus:
        assert await bus.wait_for_agent("w1")
        before = announced(bus.discovered_agents["w1"])
        assert before["capabilities"] == tuple(CARD["capabilities"])
        other = await agent_process(Probe, {"agent_name": "Other", "agent_id": "other"})
        await agent_process(Toolbox)
        assert (await bus.request_agent("w1", "know other"))["message"] == "True"
        assert (await bus.request_agent("w1", "ask other hello"))["metadata"]["answered_by"] == "other"
        assert json.loads((await bus.request_agent("w1", "cast hello"))["message"])["other"] == "hello"
        assert await bus.send_agent_request("w1", "fail") is None
        assert len(await bus.send_agent_batch("w1", ["one", "two"])) == 2
        gone = departure_of(bus, "other")
        other.send_signal(signal.SIGTERM)
        await soon(gone)
        assert announced(bus.discovered_agents["w1"]) == before
    async with GenesisInterface("late joiner") as late:
        assert await late.wait_for_agent("w1")
        assert announced(late.discovered_agents["w1"]) == before
        assert late.get_agents_by_capability("weather_alerts") == ["w1"]


async def test_an_updated_card_reaches_everybody(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, **IDENTITY, card=CARD)
    await host(Probe, agent_id="other")
    assert (await bus.request_agent("other", "know w1"))["message"] == "True"
    changed = {**CARD, "capabilities": ["tides"]}
    await bus.request_agent("w1", f"update {json.dumps(changed)}")
    assert await bus.app.directory.wait_for(lambda: bus.get_agents_by_capability("tides") == ["w1"], PATIENCE_SECONDS)
    assert bus.get_agents_by_capability("current_weather") == []
    assert bus.get_agents_by_model_type("llama") == ["w1"]


async def test_a_graceful_exit_disposes_the_instance(bus: GenesisInterface, host: Host) -> None:
    process = await host(Probe, agent_id="leaver", agent_name="Leaver")
    async with raw_reader(bus.app.participant, AGENT_TOPIC) as announcements:
        await announcements.until(lambda: bool(announcements.samples))
        gone = departure_of(bus, "leaver")
        process.send_signal(signal.SIGTERM)
        assert (await soon(gone)).name == "Leaver"
        assert not bus.is_agent_discovered("leaver")
        assert bus.discovered_agents == {}
        assert await process.wait() == 0
        await announcements.until(lambda: bool(ends_of("leaver", announcements)))
        assert ends_of("leaver", announcements) == [InstanceState.DISPOSED]


async def test_a_crash_is_noticed_through_liveliness(bus: GenesisInterface, host: Host) -> None:
    process = await host(Probe, agent_id="victim", agent_name="Victim")
    async with raw_reader(bus.app.participant, AGENT_TOPIC) as announcements:
        await announcements.until(lambda: bool(announcements.samples))
        gone = departure_of(bus, "victim")
        process.send_signal(signal.SIGKILL)
        assert (await soon(gone)).name == "Victim"
        assert not bus.is_agent_discovered("Victim")
        await announcements.until(lambda: bool(ends_of("victim", announcements)))
        assert ends_of("victim", announcements) == [InstanceState.NO_WRITERS]


async def test_another_process_notices_a_crash(bus: GenesisInterface, host: Host) -> None:
    process = await host(Probe, agent_id="victim")
    await host(Probe, agent_id="watcher")
    assert (await bus.request_agent("watcher", "know victim"))["message"] == "True"
    process.send_signal(signal.SIGKILL)
    assert (await bus.request_agent("watcher", "lose victim", timeout_seconds=PATIENCE_SECONDS))["message"] == "True"
    assert json.loads((await bus.request_agent("watcher", "see"))["message"]) == {}


async def test_the_announcements_quality_of_service(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="a")
    assert await bus.wait_for_agent("a")
    announcer = bus.app.directory.participant_of("a")
    endpoints = await bus.app.participant.endpoints(AGENT_TOPIC.name)
    (writer,) = (endpoint for endpoint in endpoints if endpoint.is_writer and endpoint.participant == announcer)
    assert "Reliable" in writer.qos["reliability"]
    assert "TransientLocal" in writer.qos["durability"]
    assert "KeepLast(depth=1)" in writer.qos["history"]
    assert "Automatic" in writer.qos["liveliness"]


def ends_of(agent_id: str, announcements: RawReader) -> list[InstanceState]:
    """What became of an agent's instance, as a reader beside the library's own was told."""
    return [
        sample.state
        for sample in announcements.samples
        if sample.state is not InstanceState.ALIVE
        and (decode_agent(sample.payload).agent_id if sample.valid_data else decode_agent_key(sample.payload))
        == agent_id
    ]


async def test_a_callback_hears_of_the_agents_that_are_there_already(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="p1")
    await host(Probe, agent_id="p2")
    assert await bus.wait_for_agent("p1")
    assert await bus.wait_for_agent("p2")
    heard: asyncio.Queue[str] = asyncio.Queue()
    bus.add_discovery_callback(lambda info: heard.put_nowait(info.agent_id))
    await host(Probe, agent_id="p3")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert {await heard.get(), await heard.get()} == {"p1", "p2"}
        assert await heard.get() == "p3"
    assert heard.empty()
