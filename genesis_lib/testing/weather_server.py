"""A stand-in for the OpenWeatherMap API: a real HTTP server on loopback with made-up weather, for tests.

async with WeatherServer() as server:
    client = OpenWeatherMapClient(server.api_key, server.base_url)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from genesis_lib.agents.sample_weather import SAMPLE_PLACES, SamplePlace, SampleWeather
from genesis_lib.agents.weather_data import Moment, Place
from genesis_lib.errors import ConfigError

__all__ = ["Fault", "WeatherRequest", "WeatherServer"]

GEOCODING = "/geo/1.0/direct"
CURRENT = "/data/2.5/weather"
FORECAST = "/data/2.5/forecast"
ONE_CALL = "/data/3.0/onecall"


@dataclass(frozen=True, slots=True)
class WeatherRequest:
    """One GET, as it came; `query` is without the API key."""

    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with requests to a path.

    Attributes:
        status: HTTP status; anything but 200 is sent as an OpenWeatherMap error object.
        headers: further response headers, such as Retry-After.
        delay_seconds: silence before anything is sent.
        body: sent as it is in place of the weather.
        drop: cut the connection before the answer.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    body: bytes | None = None
    drop: bool = False


class WeatherServer:
    """Serves geocoding, current weather, forecast and One Call alerts while it is entered. Every request needs the key.

    Args:
        api_key: the key it accepts; others get 401.
        places: those it knows, with their weather.
        subscribed: the key may use One Call 3.0; else that gets 401.

    Attributes:
        requests: what was asked so far, with right keys and wrong ones.
        faults: by path, what goes wrong from now on; the paths are constants of this module.
    """

    def __init__(
        self,
        api_key: str = "weather-server-key",
        places: Sequence[SamplePlace] = SAMPLE_PLACES,
        *,
        subscribed: bool = True,
    ) -> None:
        self.api_key = api_key
        self.subscribed = subscribed
        self.requests: list[WeatherRequest] = []
        self.faults: dict[str, Fault] = {}
        self._weather = SampleWeather(places)
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """What goes into OPENWEATHERMAP_BASE_URL.

        Raises:
            ConfigError: the server has not been entered.
        """
        if self._runner is None:
            raise ConfigError("the weather server is not running: enter it with `async with` first")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def queries(self, path: str) -> list[Mapping[str, str]]:
        """The query parameters of the requests to a path so far."""
        return [request.query for request in self.requests if request.path == path]

    async def __aenter__(self) -> Self:
        application = web.Application()
        for path, answer in {
            GEOCODING: self._geocode,
            CURRENT: self._current,
            FORECAST: self._forecast,
            ONE_CALL: self._one_call,
        }.items():
            application.router.add_get(path, self._guarded(answer))
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runner = runner
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _guarded(
        self, answer: Callable[[Mapping[str, str]], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(http: web.Request) -> web.Response:
            query = dict(http.query)
            key = query.pop("appid", "")
            self.requests.append(WeatherRequest(http.path, query))
            fault = self.faults.get(http.path, Fault())
            await asyncio.sleep(fault.delay_seconds)
            if fault.drop:
                if http.transport is not None:
                    http.transport.abort()
                return web.Response()
            if fault.status != 200:
                return _error(fault.status, "made to fail", fault.headers)
            if fault.body is not None:
                return web.Response(body=fault.body, content_type="application/json", headers=fault.headers)
            if key != self.api_key:
                return _error(401, "Invalid API key.")
            return await answer(query)

        return handle

    async def _geocode(self, query: Mapping[str, str]) -> web.Response:
        if not query.get("q", "").strip():
            return _error(400, "Nothing to geocode")
        places = (await self._weather.geocode(query["q"]))[: int(query.get("limit", "1"))]
        return web.json_response([place.model_dump(exclude_none=True) for place in places])

    async def _current(self, query: Mapping[str, str]) -> web.Response:
        place = _place(query)
        if place is None:
            return _error(400, "Nothing to geocode")
        now = await self._weather.current_weather(place)
        coordinates = {"lon": place.lon, "lat": place.lat}
        outer = {"coord": coordinates, "base": "stations", "timezone": now.timezone, "id": 1, "name": "", "cod": 200}
        return web.json_response(_moment(now) | outer)

    async def _forecast(self, query: Mapping[str, str]) -> web.Response:
        place = _place(query)
        if place is None:
            return _error(400, "Nothing to geocode")
        forecast = await self._weather.forecast(place)
        steps = [_moment(step) | {"pop": step.pop, "sys": {"pod": "d"}, "dt_txt": ""} for step in forecast.steps]
        city = {"id": 1, "name": "", "coord": {"lat": place.lat, "lon": place.lon}, "timezone": forecast.timezone}
        return web.json_response({"cod": "200", "message": 0, "cnt": len(steps), "list": steps, "city": city})

    async def _one_call(self, query: Mapping[str, str]) -> web.Response:
        place = _place(query)
        if not self.subscribed:
            return _error(401, "Please note that using One Call 3.0 requires a separate subscription.")
        if place is None:
            return _error(400, "Nothing to geocode")
        known = await self._weather.alerts(place)
        body: dict[str, Any] = {"lat": place.lat, "lon": place.lon, "timezone_offset": known.utc_offset}
        if known.alerts:  # left out by the service when there are none
            body["alerts"] = [{**alert.model_dump(), "description": "", "tags": []} for alert in known.alerts]
        return web.json_response(body)


def _place(query: Mapping[str, str]) -> Place | None:
    try:
        return Place(name="", lat=float(query["lat"]), lon=float(query["lon"]))
    except (KeyError, ValueError):
        return None


def _moment(moment: Moment) -> dict[str, Any]:
    """What current weather and forecast steps have in common, with members that the client does not read."""
    main = moment.main.model_dump(exclude_none=True) | {"pressure": 1015, "sea_level": 1015, "grnd_level": 1000}
    body: dict[str, Any] = {
        "dt": moment.dt,
        "main": main,
        "weather": [{"id": 500, "main": c.main, "description": c.description, "icon": "10d"} for c in moment.weather],
        "wind": {"speed": moment.wind.speed if moment.wind else 0.0, "deg": 240, "gust": 5.1},
        "clouds": {"all": 40},
        "visibility": 10000,
    }
    for name, amount in (("rain", moment.rain), ("snow", moment.snow)):
        if amount is not None:
            body[name] = amount.model_dump(by_alias=True, exclude_none=True)
    return body


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"cod": status, "message": message}, status=status, headers=headers)
