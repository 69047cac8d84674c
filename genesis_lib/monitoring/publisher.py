"""Publishes events and statuses. Never waits and never fails its component: what cannot go out is counted."""

from __future__ import annotations

import logging

from genesis_lib.dds.port import Participant, Writer
from genesis_lib.errors import BusError, GenesisError
from genesis_lib.events import ComponentStatus, MonitoringEvent
from genesis_lib.monitoring.wire import EVENT_TOPIC, STATUS_TOPIC, encode_event, encode_status, encode_status_key

logger = logging.getLogger(__name__)


class EventPublisher:
    """Writers on both monitoring topics. `dropped` counts the events that did not go out."""

    def __init__(self) -> None:
        self.dropped = 0
        self._events: Writer | None = None
        self._statuses: Writer | None = None

    async def open(self, participant: Participant) -> None:
        """Create the writers."""
        self._events = await participant.create_writer(EVENT_TOPIC)
        self._statuses = await participant.create_writer(STATUS_TOPIC)

    def event(self, event: MonitoringEvent) -> None:
        """Publish an event."""
        if self._events is None:
            return
        try:
            if self._events.try_write(encode_event(event)):
                return
        except GenesisError as error:
            logger.warning("could not publish %s of %s: %s", event.event_type, event.component_id, error)
        self.dropped += 1

    def status(self, status: ComponentStatus) -> None:
        """Publish a component's status."""
        if self._statuses is not None:
            try:
                self._statuses.try_write(encode_status(status))
            except GenesisError as error:
                logger.warning("could not publish the status of %s: %s", status.component_id, error)

    def withdraw(self, component_id: str) -> None:
        """Say that the component is no more."""
        if self._statuses is not None:
            try:
                self._statuses.dispose(encode_status_key(component_id))
            except BusError as error:
                logger.warning("could not publish that %s leaves: %s", component_id, error)

    async def close(self) -> None:
        """Delete the writers."""
        events, statuses = self._events, self._statuses
        self._events = self._statuses = None
        # Nobody acknowledges events. When who reads both topics has acknowledged the last status, the events before it have
        # come, too; they would be lost if they came after their writer's end.
        for writer in (statuses, events):
            if writer is not None:
                await writer.close()
