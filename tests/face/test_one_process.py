"""Several agents in one process: one participant for all of them, and the bus between them."""

from __future__ import annotations

import asyncio

import pytest

from genesis_lib import ConfigError, GenesisInterface, load_settings
from tests.face.agents import Counter, Probe
from tests.face.watching import Host


async def test_they_share_the_participant_and_call_each_other(bus: GenesisInterface) -> None:
    async with Probe("One", agent_id="one") as one, Counter("Two") as two:
        assert one.app.participant is two.app.participant is bus.app.participant
        assert (await one.request_agent("Two", "5"))["message"] == "5"
        assert (await bus.request_agent("One", "ask Two 7"))["message"] == "12"
        assert set(one.discovered_agents) == {two.app.agent_id}


async def test_they_are_agents_like_others_to_another_process(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="elsewhere")
    async with Probe("One", agent_id="one"), Probe("Two", agent_id="two"):
        for agent_id in ("one", "two"):
            reply = await bus.request_agent("elsewhere", f"ask {agent_id} hello")
            assert reply["metadata"]["answered_by"] == agent_id
        assert (await bus.request_agent("one", "ask elsewhere hello"))["metadata"]["answered_by"] == "elsewhere"


async def test_the_participant_stays_until_the_last_one_leaves(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="elsewhere")
    one, two = Probe("One", agent_id="one"), Probe("Two", agent_id="two")
    await asyncio.gather(one.open(), two.open())
    participant = one.app.participant
    await one.close()
    assert two.app.participant is participant
    assert (await bus.request_agent("elsewhere", "lose one"))["message"] == "True"
    assert (await bus.request_agent("elsewhere", "ask two hello"))["message"] == "hello"
    await two.close()
    assert (await bus.request_agent("elsewhere", "lose two"))["message"] == "True"


async def test_two_domains_in_one_process_do_not_meet(bus: GenesisInterface) -> None:
    other_domain = load_settings(domain_id=bus.app.participant.domain_id + 100)
    async with Probe("Here"), Probe("There", settings=other_domain) as there:
        assert there.app.participant is not bus.app.participant
        assert await bus.wait_for_agent("Here")
        assert not bus.is_agent_discovered("There")
        assert there.discovered_agents == {}


async def test_another_transport_on_the_same_domain_is_refused(bus: GenesisInterface) -> None:
    agent = Probe("Other lease", settings=load_settings(lease_seconds=2.5))
    with pytest.raises(ConfigError, match="lease_seconds"):
        await agent.open()
    async with Probe("Same lease"):
        assert await bus.wait_for_agent("Same lease")


async def test_a_second_agent_of_the_same_id_is_refused(bus: GenesisInterface) -> None:
    async with Counter("One", agent_id="one") as one:
        with pytest.raises(ConfigError, match="open in this process already"):
            await Counter("Other", agent_id="one").open()
        assert (await bus.request_agent("one", "5"))["message"] == "5"
        assert bus.discovered_agents["one"].name == one.agent_name
    async with Counter("Other", agent_id="one"):
        assert (await bus.request_agent("one", "5"))["message"] == "5"
