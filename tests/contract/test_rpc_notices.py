"""RPC: what a caller tells an agent about requests under way, while its writer is throttled."""

from __future__ import annotations

import asyncio
import signal

import pytest

from genesis_lib.dds.port import Participant
from genesis_lib.messages import AgentRequest, RequestKind
from genesis_lib.rpc.notices import Notices
from genesis_lib.rpc.wire import decode_request
from tests.contract import samples
from tests.contract.peers import Peer
from tests.contract.recorder import PATIENCE_SECONDS, Recorder

COUNT = 100


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", "60")


async def test_notices_of_a_throttled_writer_come_later_in_order(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    peer.send_signal(signal.SIGSTOP)
    written = 0
    while writer.try_write(samples.request(0, "x" * 2**20)):
        written += 1
    notices = Notices(writer, "")
    for number in range(1, COUNT + 1):
        notices.tell(AgentRequest("", bytes(16), number), RequestKind.CREDIT)
    await asyncio.sleep(0)
    peer.send_signal(signal.SIGCONT)
    arrived = [bytes.fromhex(event["payload"]) for event in await peer.samples("r", written + COUNT)]
    told = [decode_request(payload) for payload in arrived if len(payload) > 64]  # the others come as digests
    assert [(each.sequence_number, each.kind) for each in told] == [
        (number, RequestKind.CREDIT) for number in range(1, COUNT + 1)
    ]
    await notices.close()


async def test_closing_ends_them(participant: Participant, peer: Peer) -> None:
    seen = Recorder()
    writer = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await peer.reader("r", samples.RPC)
    await seen.matched()
    peer.send_signal(signal.SIGSTOP)
    while writer.try_write(samples.request(0, "x" * 2**20)):
        pass
    notices = Notices(writer, "")
    for number in range(COUNT):
        notices.tell(AgentRequest("", bytes(16), number), RequestKind.CANCEL)
    closing = asyncio.create_task(writer.close())
    peer.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await closing
        await notices.close()
