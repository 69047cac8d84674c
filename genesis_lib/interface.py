"""GenesisInterface: a caller without a Replier, for people and programs."""

from __future__ import annotations

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


class GenesisInterface(AgentCommunicationMixin):
    """Calls agents, is called by nobody. One serves a whole program: thousands of calls at once are ordinary.

    Args:
        interface_name: free text, what monitoring calls it.
        interface_id: unique on the domain; a new uuid4 in hex by default.
        settings: what is in force; read from environment and file by default.
        openai_api_key, model_name: for routing by language model; from the settings by default.
        classifier: routes requests, in place of one made from the settings.

    Raises:
        ConfigError: a name cannot be used.
    """

    def __init__(
        self,
        interface_name: str = "interface",
        interface_id: str | None = None,
        *,
        settings: Settings | None = None,
        openai_api_key: str | None = None,
        model_name: str | None = None,
        classifier: AgentClassifier | None = None,
    ) -> None:
        self.interface_name = checked_agent_name(interface_name)
        self.app = GenesisApp(checked_agent_id(interface_id), settings or load_settings())
        self._classifier = classifier or AgentClassifier(
            openai_api_key or self.app.settings.openai_api_key or None,
            model_name or self.app.settings.model_name,
            base_url=self.app.settings.openai_base_url or None,
            timeout_seconds=self.app.settings.model_timeout_seconds,
        )
        self._monitor = self._make_monitor()
        self._callbacks = []
        self._caller: Caller | None = None

    def _make_monitor(self) -> Monitor:
        return Monitor()

    async def open(self) -> Self:
        """Join the bus.

        Raises:
            ConfigError: the DDS product is not there.
            BusError: it refuses.
        """
        if self._caller is not None:
            raise ConfigError(f"interface {self.interface_name} is open already", target=self.app.agent_id)
        await self.app.open()
        try:
            await self._monitor.open(self.app.participant)
            self._caller = Caller(self.app, self._monitor, self._classifier, self._callbacks, agents_only=False)
        except BaseException:
            await self.close()
            raise
        self._monitor.ready()
        return self

    async def close(self) -> None:
        """Leave the bus. Calls in flight fail with AgentLost."""
        if self._caller is not None:
            caller, self._caller = self._caller, None
            await caller.close()
        await self._monitor.close()
        await self._classifier.close()
        await self.app.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _calling(self) -> Caller:
        if self._caller is None:
            raise ConfigError(
                f"interface {self.interface_name} is not on the bus: enter it first (async with interface)",
                target=self.app.agent_id,
            )
        return self._caller
