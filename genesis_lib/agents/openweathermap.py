"""An HTTP client for the OpenWeatherMap API (https://openweathermap.org/api). aiohttp loads at the first question."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError

from genesis_lib.agents.weather_data import Alerts, CurrentWeather, Forecast, Place
from genesis_lib.errors import ConfigError, GenesisError

if TYPE_CHECKING:
    from aiohttp import ClientSession

OPENWEATHERMAP_BASE_URL: Final = "https://api.openweathermap.org"
DEFAULT_TIMEOUT_SECONDS = 4.0
_GEOCODE_LIMIT = 5  # the most the API gives
_CACHED_QUERIES = 512
_ONE_CALL = "/data/3.0/onecall"
_CHECK_BASE_URL = "check that OPENWEATHERMAP_BASE_URL is an OpenWeatherMap API"

_Answer = TypeVar("_Answer", bound=BaseModel)


class WeatherError(GenesisError):
    """The weather could not be had. The message says why and what to do; it never holds the API key."""


class ApiKeyRefused(WeatherError):
    """Status 401 or 403: the key is wrong, not active yet, or blocked."""


class SubscriptionMissing(ApiKeyRefused):
    """Status 401 or 403 from One Call 3.0, which a key needs a subscription of its own for."""


class PlaceNotFound(WeatherError):
    """Status 404, or nothing that the geocoder knows."""


class TooManyRequests(WeatherError):
    """Status 429: the key is over its limit; `retry_after_seconds` is set when the service said so."""


class WeatherServiceFailed(WeatherError):
    """Status 5xx."""


class WeatherServiceUnreachable(WeatherError):
    """No connection, or it broke."""


class WeatherTimeout(WeatherError, TimeoutError):
    """No answer in time."""


class UnexpectedAnswer(WeatherError):
    """Some other status, a body that is not JSON, or one without the members that are needed."""


class OpenWeatherMapClient:
    """Geocoding, current weather, forecast and alerts, in metric units. One session is kept and used again.

    Cheap to make; nothing is opened before the first question. Places found are remembered, as they do not move. All
    questions raise a subclass of WeatherError.

    Args:
        api_key: from https://home.openweathermap.org/api_keys.
        base_url: scheme, host and port, and a path in front of the API's own if there is one.
        timeout_seconds: for one question, connecting included.

    Raises:
        ConfigError: the key is empty, or the base URL is no HTTP address.
    """

    name: Literal["openweathermap"] = "openweathermap"

    def __init__(
        self, api_key: str, base_url: str = OPENWEATHERMAP_BASE_URL, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        self._key = api_key.strip()
        if not self._key:
            raise ConfigError("the OpenWeatherMap API key is empty: set OPENWEATHERMAP_API_KEY, or give api_key")
        if timeout_seconds <= 0:
            raise ConfigError(f"timeout_seconds is {timeout_seconds}: give more than 0")
        self._base_url = _checked_base_url(base_url)
        self._host = urlsplit(self._base_url).netloc
        self._timeout = timeout_seconds
        self._opening = asyncio.Lock()
        self._session: ClientSession | None = None
        self._places: OrderedDict[str, tuple[Place, ...]] = OrderedDict()

    def __repr__(self) -> str:
        return f"OpenWeatherMapClient(base_url={self._base_url!r})"

    async def geocode(self, query: str) -> tuple[Place, ...]:
        """The places (5 at most) that "name", "name,country code" or "name,state code,US" fits; empty when none does."""
        if query in self._places:
            self._places.move_to_end(query)
            return self._places[query]
        body = await self._get("/geo/1.0/direct", q=query, limit=str(_GEOCODE_LIMIT))
        try:
            places = tuple(TypeAdapter(list[Place]).validate_python(body))
        except ValidationError as error:
            raise self._unreadable(error) from None
        self._places[query] = places
        if len(self._places) > _CACHED_QUERIES:
            self._places.popitem(last=False)
        return places

    async def current_weather(self, place: Place) -> CurrentWeather:
        """The weather at a place now."""
        return self._read(CurrentWeather, await self._get("/data/2.5/weather", **_at(place)))

    async def forecast(self, place: Place) -> Forecast:
        """The weather at a place in the next five days."""
        return self._read(Forecast, await self._get("/data/2.5/forecast", **_at(place)))

    async def alerts(self, place: Place) -> Alerts:
        """The weather alerts in force at a place. Needs a One Call 3.0 subscription: else SubscriptionMissing."""
        return self._read(Alerts, await self._get(_ONE_CALL, exclude="current,minutely,hourly,daily", **_at(place)))

    async def close(self) -> None:
        """Close the connections. The next question opens new ones."""
        async with self._opening:
            session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _get(self, path: str, **parameters: str) -> Any:
        session = await self._opened()
        from aiohttp import ClientError

        failure: WeatherError
        try:
            # A redirect could carry the key to another host.
            async with session.get(
                self._base_url + path, params={**parameters, "appid": self._key}, allow_redirects=False
            ) as response:
                body, status = await response.read(), response.status
                retry_after = response.headers.get("Retry-After", "")
        except TimeoutError:
            failure = WeatherTimeout(
                f"{self._host} did not answer within {self._timeout:g} s: try again later",
                elapsed_seconds=self._timeout,
            )
        except (ClientError, OSError) as error:
            failure = WeatherServiceUnreachable(
                f"{self._host} cannot be reached ({type(error).__name__}): check the network"
                " and OPENWEATHERMAP_BASE_URL, then try again"
            )
        else:
            return self._decode(body) if status == 200 else self._refuse(status, path, retry_after)
        # Raised here and not in the except block: aiohttp's errors may hold the URL, and with it the key.
        raise failure

    def _decode(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise UnexpectedAnswer(f"{self._host} sent something that is no JSON: {_CHECK_BASE_URL}") from None

    async def _opened(self) -> ClientSession:
        async with self._opening:
            if self._session is None:
                await asyncio.to_thread(import_module, "aiohttp")
                from aiohttp import ClientSession, ClientTimeout

                self._session = ClientSession(timeout=ClientTimeout(total=self._timeout), trust_env=True)
            return self._session

    def _refuse(self, status: int, path: str, retry_after: str) -> NoReturn:
        who = f"{self._host} answered {status}"
        if status in (401, 403) and path == _ONE_CALL:
            raise SubscriptionMissing(
                f"{who}: weather alerts need a subscription to One Call 3.0 for the API key; subscribe at"
                " https://openweathermap.org/api/one-call-3, or ask for current weather or the forecast"
            )
        if status in (401, 403):
            raise ApiKeyRefused(
                f"{who}: the API key is refused; check OPENWEATHERMAP_API_KEY (a new key takes up to two hours to work)"
            )
        if status == 404:
            raise PlaceNotFound(f"{who}: no weather is known for this place; name a town near it")
        if status == 429:
            wait = float(retry_after) if retry_after.isdecimal() else None
            when = f"in {wait:g} s" if wait is not None else "in a minute"
            raise TooManyRequests(
                f"{who}: the API key is over its limit of requests; try again {when} or raise the limit",
                retry_after_seconds=wait,
            )
        if status >= 500:
            raise WeatherServiceFailed(f"{who}: the weather service failed on its side; try again later")
        raise UnexpectedAnswer(f"{who}, which is not expected: {_CHECK_BASE_URL}")

    def _read(self, model: type[_Answer], body: Any) -> _Answer:
        try:
            return model.model_validate(body)
        except ValidationError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: ValidationError) -> UnexpectedAnswer:
        problem = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the answer"
        return UnexpectedAnswer(f"{self._host} sent JSON of another shape ({where}): {_CHECK_BASE_URL}")


def _at(place: Place) -> dict[str, str]:
    return {"lat": f"{place.lat:.4f}", "lon": f"{place.lon:.4f}", "units": "metric"}


def _checked_base_url(base_url: str) -> str:
    advice = f"give one like {OPENWEATHERMAP_BASE_URL} (base_url, OPENWEATHERMAP_BASE_URL)"
    try:
        url = urlsplit(base_url.strip())
        _ = url.port
    except ValueError:
        raise ConfigError(f"the base URL of the weather service cannot be read: {advice}") from None
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None or url.query or url.fragment:
        raise ConfigError(f"the base URL of the weather service is no plain HTTP address: {advice}")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"
