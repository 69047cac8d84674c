"""What agents and interfaces have in common: identity, monitor, and the calling half while they are on the bus."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from genesis_lib.agent_classifier import AgentClassifier
from genesis_lib.agent_communication import AgentCommunicationMixin
from genesis_lib.app import GenesisApp
from genesis_lib.caller import Caller
from genesis_lib.errors import ConfigError
from genesis_lib.identity import checked_agent_id, checked_agent_name
from genesis_lib.monitoring.monitor import Monitor
from genesis_lib.settings import Settings, load_settings


class BusMember(AgentCommunicationMixin):
    """The base of GenesisAgent and GenesisInterface."""

    def __init__(
        self,
        name: str,
        member_id: str | None,
        settings: Settings | None,
        openai_api_key: str | None,
        model_name: str | None,
        classifier: AgentClassifier | None,
    ) -> None:
        self._name = checked_agent_name(name)
        self.app = GenesisApp(checked_agent_id(member_id), settings or load_settings())
        in_force = self.app.settings
        self._classifier = classifier or AgentClassifier(
            openai_api_key or in_force.openai_api_key or None,
            model_name or in_force.model_name,
            base_url=in_force.openai_base_url or None,
            timeout_seconds=in_force.model_timeout_seconds,
        )
        self._monitor = self._make_monitor()
        self._callbacks = []
        self._caller: Caller | None = None
        self._lifecycle = asyncio.Lock()  # who closes while somebody opens waits for it

    async def open(self) -> Self:
        """Join the bus."""
        raise NotImplementedError

    async def close(self) -> None:
        """Leave the bus."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _make_monitor(self) -> Monitor:
        return Monitor()

    async def _join(self, *, agents_only: bool) -> None:
        """Open what calling takes. What fails here is undone by `close`."""
        await self.app.open()
        await self._monitor.open(self.app.participant)
        self._caller = Caller(self.app, self._monitor, self._classifier, self._callbacks, agents_only=agents_only)

    async def _leave(self) -> None:
        """The last step comes first. Each is taken, whatever becomes of those before it."""
        async with AsyncExitStack() as steps:
            steps.push_async_callback(self.app.close)
            steps.push_async_callback(self._classifier.close)
            steps.push_async_callback(self._monitor.close)
            if self._caller is not None:
                caller, self._caller = self._caller, None
                await caller.close()

    def _calling(self) -> Caller:
        if self._caller is None:
            raise ConfigError(
                f"{self._name} is not on the bus: enter it first (async with ..., or await agent.run())",
                target=self.app.agent_id,
            )
        return self._caller
