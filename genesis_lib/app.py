"""GenesisApp: who an agent or interface is, and its place on the bus."""

from __future__ import annotations

from genesis_lib.dds.open import acquire_participant, release_participant
from genesis_lib.dds.port import Participant
from genesis_lib.discovery.directory import Directory
from genesis_lib.errors import ConfigError
from genesis_lib.settings import Settings
from genesis_lib.shared import SharedResources
from genesis_lib.unwinding import on_failure

_directories: SharedResources[Directory] = SharedResources(lambda directory: directory.close())


class GenesisApp:
    """Identity, settings, and, while open, the participant and the directory that this process shares.

    Attributes:
        agent_id: 1 to 64 characters of `[A-Za-z0-9_.-]`.
        settings: what is in force for this agent.
    """

    def __init__(self, agent_id: str, settings: Settings) -> None:
        self.agent_id = agent_id
        self.settings = settings
        self._participant: Participant | None = None
        self._directory: Directory | None = None

    @property
    def participant(self) -> Participant:
        """The DDS DomainParticipant, shared by all agents of this process on the same domain.

        Raises:
            ConfigError: not open.
        """
        if self._participant is None:
            raise self._not_open()
        return self._participant

    @property
    def directory(self) -> Directory:
        """The live map of agents, shared as the participant is.

        Raises:
            ConfigError: not open.
        """
        if self._directory is None:
            raise self._not_open()
        return self._directory

    async def open(self) -> None:
        """Join the domain; raises as `acquire_participant`."""
        participant = await acquire_participant(self.settings)
        async with on_failure(lambda: release_participant(self.settings)):
            self._directory = await _directories.acquire(
                participant.guid, lambda: Directory(self.settings.settle_seconds).open(participant)
            )
        self._participant = participant

    async def close(self) -> None:
        """Leave the domain."""
        if self._participant is None:
            return
        participant, self._participant, self._directory = self._participant, None, None
        await _directories.release(participant.guid)
        await release_participant(self.settings)

    def _not_open(self) -> ConfigError:
        return ConfigError(
            f"{self.agent_id} is not on the bus: enter it first (async with ..., or await run())", target=self.agent_id
        )
