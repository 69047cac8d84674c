"""What an agent says of itself: its capability and its functions, durable, disposed when it leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from genesis_lib.dds.port import Participant, Writer
from genesis_lib.discovery.wire import (
    AGENT_TOPIC,
    FUNCTION_TOPIC,
    encode_agent,
    encode_agent_key,
    encode_function,
    encode_function_key,
)
from genesis_lib.errors import BusError, ConfigError, InvalidRequest
from genesis_lib.messages import AgentInfo, FunctionInfo
from genesis_lib.unwinding import on_failure

logger = logging.getLogger(__name__)


def encode_card(info: AgentInfo) -> bytes:
    """What an agent announces of itself.

    Raises:
        ConfigError: a member is over its bound, or cannot go on the wire.
    """
    with _announcing("itself", info):
        return encode_agent(info)


def encode_functions(info: AgentInfo, functions: Sequence[FunctionInfo]) -> dict[bytes, bytes]:
    """What an agent announces of its functions, by their keys; raises as `encode_card`."""
    encoded: dict[bytes, bytes] = {}
    for function in functions:
        with _announcing(f"its function {function.name}", info):
            encoded[encode_function_key(function.provider_id, function.name)] = encode_function(function)
    return encoded


class Advertiser:
    """Announces one agent."""

    def __init__(self, info: AgentInfo, functions: Sequence[FunctionInfo]) -> None:
        self.info = info
        self._payload = encode_card(info)
        self._functions = encode_functions(info, functions)
        self._agent_writer: Writer | None = None
        self._function_writer: Writer | None = None
        self._withdrawn = False

    async def open(self, participant: Participant) -> Self:
        """Create the writers and announce. Functions go first, so that who sees the agent can see them too."""
        async with on_failure(self.close):
            if self._functions:
                self._function_writer = await participant.create_writer(FUNCTION_TOPIC)
                for payload in self._functions.values():
                    await self._function_writer.write(payload)
            self._agent_writer = await participant.create_writer(AGENT_TOPIC)
            await self._agent_writer.write(self._payload)
        return self

    async def update(self, info: AgentInfo) -> None:
        """Announce the agent anew, under the same id; one that leaves is not announced any more."""
        payload = encode_card(info)
        assert self._agent_writer is not None
        self.info, self._payload = info, payload
        if not self._withdrawn:
            await self._agent_writer.write(payload)

    def withdraw(self) -> None:
        """Say that the agent leaves; nobody starts a call after seeing it."""
        self._withdrawn = True
        if self._agent_writer is not None:
            self._dispose(self._agent_writer, encode_agent_key(self.info.agent_id))
        if self._function_writer is not None:
            for key in self._functions:
                self._dispose(self._function_writer, key)

    async def close(self) -> None:
        """Delete the writers."""
        writers = [writer for writer in (self._agent_writer, self._function_writer) if writer is not None]
        await asyncio.gather(*(writer.close() for writer in writers))

    def _dispose(self, writer: Writer, key: bytes) -> None:
        try:
            writer.dispose(key)
        except BusError as error:  # then its end tells the others, when the writer is deleted
            logger.warning("agent %s cannot say that it leaves: %s", self.info.agent_id, error)


@contextmanager
def _announcing(what: str, info: AgentInfo) -> Iterator[None]:
    try:
        yield
    except InvalidRequest as error:
        raise ConfigError(
            f"{info.name} ({info.agent_id}) cannot announce {what}: {error}", target=info.agent_id
        ) from error
