"""What tests of voice rooms share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant
from genesis_lib.settings import load_settings


@pytest.fixture
async def participant(genesis_domain: int) -> AsyncIterator[Participant]:
    """A participant in the test's process."""
    opened = await open_participant(load_settings())
    yield opened
    await opened.close()
