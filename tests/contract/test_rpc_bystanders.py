"""RPC: somebody who reads along, a recorder for example, does not count as the caller."""

from __future__ import annotations

import os

from genesis_lib import GenesisInterface
from genesis_lib.dds.port import Participant
from genesis_lib.messages import AgentRequest
from genesis_lib.rpc.caller_identity import connection_data
from genesis_lib.rpc.wire import decode_reply, encode_request, reply_topic, request_topic
from tests.contract.callers import wait_for
from tests.contract.peers import Peer
from tests.contract.recorder import Recorder

SERVICE = "WorkerService_worker"


async def test_a_reply_waits_for_its_caller_though_another_reads_along(
    participant: Participant, peer: Peer, worker: str
) -> None:
    await peer.reader("recorder", reply_topic(SERVICE), partition="*")
    inbox, seen, matches = os.urandom(16), Recorder(), Recorder()
    writer = await participant.create_writer(
        request_topic(SERVICE), user_data=connection_data(inbox, ""), on_match=matches.on_match
    )
    await matches.matched()
    await peer.matched("recorder")
    for number in range(1, 4):
        await writer.write(encode_request(AgentRequest(f"run {number}", writer.guid, number)))
    async with GenesisInterface() as bus:
        for number in range(1, 4):
            await wait_for(bus, worker, f"ran {number}")
    await participant.create_reader(reply_topic(SERVICE), seen.on_samples, partition=inbox.hex())
    replies = [decode_reply(sample.payload).message for sample in await seen.has(3)]
    assert replies == ["1 done", "2 done", "3 done"]
