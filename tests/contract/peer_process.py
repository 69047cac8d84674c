"""`python -m tests.contract.peer_process`: a participant that does what it reads on stdin and reports on stdout, in JSON."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Match, Participant, Reader, Sample, TopicSpec, Writer
from genesis_lib.messages import AgentRequest, Attachment
from genesis_lib.rpc.wire import encode_request
from genesis_lib.settings import load_settings

_SHOWN_BYTES = 4096


def describe(payload: bytes) -> str:
    """A payload as it is reported: in hex, a long one by its digest."""
    return payload.hex() if len(payload) <= _SHOWN_BYTES else hashlib.sha256(payload).hexdigest()


def large_request(size: int) -> bytes:
    """A request with an attachment of this many bytes."""
    pattern = bytes(range(251))
    data = (pattern * (size // len(pattern) + 1))[:size]
    return encode_request(AgentRequest("large", bytes(16), 1, attachments=(Attachment("a", "b/c", data),)))


def _report(event: str, **members: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **members}) + "\n")
    sys.stdout.flush()


class _Peer:
    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._writers: dict[str, Writer] = {}
        self._readers: dict[str, Reader] = {}

    async def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        name = command.get("name", "")
        match command["do"]:
            case "writer":
                self._writers[name] = await self._participant.create_writer(
                    TopicSpec(*command["topic"]), on_match=self._match_reporter(name), **_options(command)
                )
                return {"guid": self._writers[name].guid.hex()}
            case "reader":
                self._readers[name] = await self._participant.create_reader(
                    TopicSpec(*command["topic"]),
                    self._sample_reporter(name),
                    on_match=self._match_reporter(name),
                    **_options(command),
                )
            case "write":
                await self._writers[name].write(bytes.fromhex(command["payload"]))
            case "write large":
                await self._writers[name].write(large_request(command["size"]))
            case "dispose":
                self._writers[name].dispose(bytes.fromhex(command["payload"]))
            case "close":
                await (self._writers | self._readers)[name].close()
            case "guid":
                return {"guid": self._participant.guid.hex()}
        return {}

    def _match_reporter(self, name: str) -> Any:
        def report(match: Match) -> None:
            _report(
                "match",
                name=name,
                matched=match.matched,
                participant=match.participant.hex(),
                user_data=match.user_data.hex(),
            )

        return report

    def _sample_reporter(self, name: str) -> Any:
        def report(samples: Sequence[Sample]) -> None:
            for sample in samples:
                _report(
                    "sample",
                    name=name,
                    payload=describe(sample.payload),
                    valid_data=sample.valid_data,
                    state=sample.state.name,
                )

        return report


def _options(command: dict[str, Any]) -> dict[str, Any]:
    return {
        "partition": command.get("partition", ""),
        "user_data": bytes.fromhex(command.get("user_data", "")),
    }


async def main() -> None:
    """Obey until stdin ends, then leave in good order."""
    commands = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    participant = await open_participant(load_settings())
    peer = _Peer(participant)
    _report("done")
    while line := await commands.readline():
        _report("done", **await peer.obey(json.loads(line)))
    await participant.close()


if __name__ == "__main__":
    asyncio.run(main())
