"""A weather server for each test, a client on it, and an environment that names neither keys nor endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from genesis_lib.agents.openweathermap import OpenWeatherMapClient
from genesis_lib.testing import WeatherServer

KEY = "f3c0ffee0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENWEATHERMAP_API_KEY", "OPENWEATHERMAP_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def weather_server() -> AsyncIterator[WeatherServer]:
    async with WeatherServer(KEY) as server:
        yield server


@pytest.fixture
async def client(weather_server: WeatherServer) -> AsyncIterator[OpenWeatherMapClient]:
    async with OpenWeatherMapClient(KEY, weather_server.base_url, timeout_seconds=5) as client:
        yield client
