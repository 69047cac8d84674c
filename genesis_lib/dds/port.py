"""The port: readers and writers of CDR samples. The only view of DDS that the rest of the library has.

Payloads are whole serialized samples, encapsulation header included (XCDR2, little endian; see `cdr.py`). Every coroutine and
every callback runs on the event loop the participant was opened on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol


class InstanceState(IntEnum):
    """State of a sample's instance when the sample was taken."""

    ALIVE = 0
    DISPOSED = 1
    NO_WRITERS = 2


class Sample(NamedTuple):
    """One sample. Without `valid_data`, `payload` holds the key members only and `state` says what became of the instance.

    `publication` is the handle of the writer it came through, as in `Match.handle`; `sent` is when it was written, in seconds
    on the clock of its writer's host.
    """

    payload: bytes
    valid_data: bool
    state: InstanceState
    publication: int
    sent: float


class Match(NamedTuple):
    """A remote endpoint that appeared or went away.

    `participant` is the 16-byte key of the DDS participant it belongs to: the same for every endpoint of one process.
    """

    handle: int
    matched: bool
    participant: bytes
    user_data: bytes


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic's name, the struct of `config/datamodel.xml` it carries and its profile in `config/qos.xml`."""

    name: str
    type_name: str
    profile: str


class Endpoint(NamedTuple):
    """A reader or writer as the built-in topics describe it, for diagnosis. `qos` names policies as text."""

    topic: str
    type_name: str
    is_writer: bool
    participant: bytes
    user_data: bytes
    qos: dict[str, str]


OnSamples = Callable[[Sequence[Sample]], None]
OnMatch = Callable[[Match], None]


class Writer(Protocol):
    """A DataWriter."""

    @property
    def guid(self) -> bytes:
        """The writer's 16-byte GUID."""
        ...

    def try_write(self, payload: bytes) -> bool:
        """Write now; False when the writer is throttled and nothing was written.

        Raises:
            BusError: the product refuses the sample.
        """
        ...

    async def write(self, payload: bytes) -> None:
        """Write, waiting for as long as the writer is throttled. Calls are served in order."""
        ...

    def dispose(self, key_payload: bytes) -> None:
        """Dispose the instance with this key (a payload of the key members only)."""
        ...

    async def close(self) -> None:
        """Delete the writer. Closing twice is harmless."""
        ...


class Reader(Protocol):
    """A DataReader; its samples go to the callback given when it was made."""

    def lookup_publication(self, handle: int) -> Match | None:
        """What is known of a matched writer, None when it is gone: for samples that overtake their match."""
        ...

    async def close(self) -> None:
        """Delete the reader. No callback runs after this was called."""
        ...


class Participant(Protocol):
    """A DomainParticipant, shared by all agents of a process on one event loop."""

    @property
    def domain_id(self) -> int: ...

    @property
    def guid(self) -> bytes:
        """The participant's 16-byte key, as in `Match.participant` of its peers."""
        ...

    async def create_writer(
        self, topic: TopicSpec, *, partition: str = "", user_data: bytes = b"", on_match: OnMatch | None = None
    ) -> Writer: ...

    async def create_reader(
        self,
        topic: TopicSpec,
        on_samples: OnSamples,
        *,
        partition: str = "",
        user_data: bytes = b"",
        on_match: OnMatch | None = None,
    ) -> Reader: ...

    async def endpoints(self, topic: str = "") -> list[Endpoint]:
        """The endpoints seen on the domain, one's own included; on one topic when it is named."""
        ...

    async def participants(self) -> list[bytes]:
        """The keys of the participants seen on the domain, one's own included."""
        ...

    async def close(self) -> None:
        """Delete the participant and all that is left of its endpoints."""
        ...
