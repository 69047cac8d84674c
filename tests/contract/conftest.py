"""The contract holds on every DDS product: each test here runs once on each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Worker
from tests.contract.backends import BACKENDS, reason_to_skip
from tests.contract.background import Background
from tests.contract.peers import Peer
from tests.contract.shared import own_domain


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    def case(backend: str) -> object:
        reason = reason_to_skip(backend)
        return pytest.param(backend, marks=pytest.mark.skip(reason=reason)) if reason else backend

    metafunc.parametrize("backend", [case(backend) for backend in BACKENDS], indirect=True, scope="module")


@pytest.fixture(autouse=True, scope="module")
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The DDS product these tests and their processes use."""
    name = str(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENESIS_DDS", name)
        yield name


@pytest.fixture(scope="module")
def shared_domain(backend: str) -> Iterator[int]:
    """A domain for all tests of a module, see `shared`."""
    with own_domain() as domain:
        yield domain


@pytest.fixture
async def participant(genesis_domain: int) -> AsyncIterator[Participant]:
    """A participant in the test's process."""
    opened = await open_participant(load_settings())
    yield opened
    await opened.close()


@pytest.fixture
async def start_peer(genesis_domain: int) -> AsyncIterator[Callable[[], Awaitable[Peer]]]:
    """Start participants in other processes."""
    peers: list[Peer] = []

    async def start() -> Peer:
        peer = Peer()
        peers.append(peer)
        return await peer.start()

    yield start
    for peer in peers:
        await peer.end()


@pytest.fixture
async def peer(start_peer: Callable[[], Awaitable[Peer]]) -> Peer:
    """A participant in another process."""
    return await start_peer()


@pytest.fixture
async def worker(agent_process: StartAgentProcess) -> str:
    """The id of a Worker in another process."""
    return (await agent_process(Worker, {"agent_id": "worker"})).agent_id


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    """Start a coroutine as a task that ends with the test."""
    tasks = Background()
    yield tasks
    await tasks.end()
