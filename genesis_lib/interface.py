"""GenesisInterface: a caller without a Replier, for people and programs."""

from __future__ import annotations

from typing import Self

from genesis_lib.agent_classifier import AgentClassifier
from genesis_lib.errors import ConfigError
from genesis_lib.member import BusMember
from genesis_lib.settings import Settings
from genesis_lib.unwinding import on_failure


class GenesisInterface(BusMember):
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
        self.interface_name = interface_name
        super().__init__(interface_name, interface_id, settings, openai_api_key, model_name, classifier)

    async def open(self) -> Self:
        """Join the bus.

        Raises:
            ConfigError: the DDS product is not there.
            BusError: it refuses.
        """
        async with self._lifecycle:
            if self._caller is not None:
                raise ConfigError(f"interface {self.interface_name} is open already", target=self.app.agent_id)
            async with on_failure(self._leave):
                await self._join(agents_only=False)
        self._monitor.ready()
        return self

    async def close(self) -> None:
        """Leave the bus. Calls in flight fail with AgentLost."""
        async with self._lifecycle:
            await self._leave()
