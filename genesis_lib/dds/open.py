"""The one place that picks a DDS product, and the participants that the agents of a process share."""

from __future__ import annotations

import asyncio

from genesis_lib.dds.port import Participant
from genesis_lib.errors import ConfigError
from genesis_lib.settings import Settings
from genesis_lib.shared import SharedResources


async def open_participant(settings: Settings) -> Participant:
    """A participant of one's own on the DDS product the settings name.

    Raises:
        ConfigError: the product is not installed or has no licence.
        BusError: it refuses the domain or the interfaces.
    """
    if settings.dds == "connext":
        from genesis_lib.dds import connext

        return await connext.open_participant(settings)
    from genesis_lib.dds import cyclone

    return await cyclone.open_participant(settings)


_participants: SharedResources[Participant] = SharedResources(lambda participant: participant.close())
_transports: dict[tuple[asyncio.AbstractEventLoop, int], tuple[object, ...]] = {}


def _key(settings: Settings) -> tuple[asyncio.AbstractEventLoop, int]:
    return asyncio.get_running_loop(), settings.domain_id


async def acquire_participant(settings: Settings) -> Participant:
    """The participant of this event loop on the settings' domain: opened by the first user, shared by the others.

    Raises:
        ConfigError: a participant with other transport settings is open on this domain already; and as `open_participant`.
        BusError: as `open_participant`.
    """
    key = _key(settings)
    transport = (settings.dds, settings.interfaces, settings.peers, settings.lease_seconds)
    if key in _participants and _transports[key] != transport:
        raise ConfigError(
            f"this process has a participant on domain {settings.domain_id} with other settings for dds, interfaces, peers"
            " or lease_seconds; agents of one process share it, so give all of them the same"
        )
    _transports[key] = transport
    return await _participants.acquire(key, lambda: open_participant(settings))


async def release_participant(settings: Settings) -> None:
    """Give one use back; the last one closes the participant."""
    key = _key(settings)
    await _participants.release(key)
    if key not in _participants:
        _transports.pop(key, None)
