"""A3: one Replier for each agent, on a service name that is unique to the instance."""

from __future__ import annotations

from genesis_lib import GenesisInterface
from genesis_lib.rpc.wire import reply_topic, request_topic
from tests.face.agents import Probe
from tests.face.watching import Host


async def test_base_name_and_id(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, base_service_name="Weather_Service", agent_id="agent_7")
    assert await bus.wait_for_agent("agent_7")
    info = bus.discovered_agents["agent_7"]
    assert info.service_name == "Weather_Service_agent_7"
    assert info.service_name.removesuffix("_agent_7") == info.base_service_name == "Weather_Service"


async def test_without_a_base_name(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="agent-7")
    assert await bus.wait_for_agent("agent-7")
    info = bus.discovered_agents["agent-7"]
    assert info.service_name == "AgentService_agent-7"
    assert info.base_service_name == "AgentService"


async def test_one_request_reader_for_each_instance_of_a_service(bus: GenesisInterface, host: Host) -> None:
    for agent_id in ("one", "two"):
        await host(Probe, base_service_name="Shared", agent_id=agent_id)
        assert (await bus.request_agent(agent_id, "hello"))["metadata"]["answered_by"] == agent_id
    participants = set()
    for agent_id in ("one", "two"):
        service = f"Shared_{agent_id}"
        requests = await bus.app.participant.endpoints(request_topic(service).name)
        readers = [endpoint for endpoint in requests if not endpoint.is_writer]
        assert len(readers) == 1
        writers = [
            endpoint
            for endpoint in await bus.app.participant.endpoints(reply_topic(service).name)
            if endpoint.is_writer
        ]
        assert [writer.participant for writer in writers] == [readers[0].participant]
        participants.add(readers[0].participant)
    assert len(participants) == 2
