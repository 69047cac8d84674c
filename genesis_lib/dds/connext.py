"""The port on RTI Connext: opening a participant, or saying what is missing for it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from genesis_lib.dds.blocking import BlockingCalls
from genesis_lib.dds.port import Participant
from genesis_lib.errors import BusError, ConfigError
from genesis_lib.settings import Settings
from genesis_lib.unwinding import on_failure

if TYPE_CHECKING:
    import rti.connextdds as dds

logger = logging.getLogger(__name__)


async def open_participant(settings: Settings) -> Participant:
    """Create a DomainParticipant on the running event loop.

    Raises:
        ConfigError: the package is not installed, or no licence is found.
        BusError: RTI Connext refuses the domain or the interfaces.
    """
    try:
        from genesis_lib.dds.connext_participant import ConnextParticipant
    except ImportError as error:
        raise ConfigError(
            f"GENESIS_DDS=connext needs RTI Connext, which cannot be imported ({error}): pip install 'genesis-lib[connext]'"
        ) from error
    blocking = BlockingCalls()
    async with on_failure(blocking.close):
        return ConnextParticipant(settings, await blocking.run(_create, settings), blocking)


def _create(settings: Settings) -> dds.DomainParticipant:
    import rti.connextdds as dds

    from genesis_lib.dds.connext_qos import participant_qos

    reasons: list[str] = []
    dds.Logger.instance.output_handler(reasons.append)
    try:
        participant = dds.DomainParticipant(settings.domain_id, participant_qos(settings))
    except dds.Exception as error:
        said = " ".join(" ".join(reasons).split()) or str(error)
        if "LICENSE" not in said:
            raise BusError(
                f"RTI Connext cannot create a participant on domain {settings.domain_id}"
                f" on interfaces {', '.join(settings.interfaces) or 'of its own choice'}: {said}"
            ) from error
        raise ConfigError(
            f"RTI Connext finds no valid licence (RTI_LICENSE_FILE is {os.environ.get('RTI_LICENSE_FILE') or 'not set'});"
            f" set RTI_LICENSE_FILE to the path of your rti_license.dat, or use GENESIS_DDS=cyclone. It says: {said}"
        ) from error
    finally:
        dds.Logger.instance.reset_output_handler()
    for reason in reasons:
        logger.warning("RTI Connext: %s", reason.strip())
    return participant
