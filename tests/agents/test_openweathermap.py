"""The OpenWeatherMap client against a real HTTP server on loopback."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from genesis_lib.agents.openweathermap import (
    ApiKeyRefused,
    OpenWeatherMapClient,
    PlaceNotFound,
    SubscriptionMissing,
    TooManyRequests,
    UnexpectedAnswer,
    WeatherError,
    WeatherServiceFailed,
    WeatherServiceUnreachable,
    WeatherTimeout,
)
from genesis_lib.agents.weather_data import Place
from genesis_lib.errors import ConfigError, GenesisError
from genesis_lib.testing import WeatherServer
from genesis_lib.testing.weather_server import CURRENT, FORECAST, GEOCODING, ONE_CALL, Fault
from tests.agents.conftest import KEY

MONUMENT = Place(name="Monument", state="Colorado", country="US", lat=39.0917, lon=-104.8728)

Ask = Callable[[OpenWeatherMapClient], Awaitable[Any]]
QUESTIONS: list[tuple[str, Ask]] = [
    (GEOCODING, lambda client: client.geocode("Oslo")),
    (CURRENT, lambda client: client.current_weather(MONUMENT)),
    (FORECAST, lambda client: client.forecast(MONUMENT)),
    (ONE_CALL, lambda client: client.alerts(MONUMENT)),
]
every_question = pytest.mark.parametrize(("path", "ask"), QUESTIONS, ids=[path for path, _ in QUESTIONS])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def error_of(client: OpenWeatherMapClient, ask: Ask) -> WeatherError:
    """The error, after a look whether it or anything it holds on to gives the key away."""
    with pytest.raises(WeatherError) as caught:
        await ask(client)
    error = caught.value
    told = [str(error), repr(error), repr(error.__cause__), repr(error.__context__), *traceback.format_exception(error)]
    assert not any(client._key in text for text in told)
    return error


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("Monument", ["Monument, Colorado, US", "Monument, Oregon, US"]),
        ("Monument,CO,US", ["Monument, Colorado, US"]),
        ("paris,fr", []),
        ("Paris,FR", ["Paris, Ile-de-France, FR"]),
        ("sao paulo", ["São Paulo, BR"]),
        ("東京", ["Tokyo, JP"]),
        ("Nowhere at all", []),
    ],
)
async def test_geocoding_gives_the_places_that_fit(client: OpenWeatherMapClient, query: str, labels: list[str]) -> None:
    assert [place.label for place in await client.geocode(query)] == labels


async def test_a_query_is_sent_once(client: OpenWeatherMapClient, weather_server: WeatherServer) -> None:
    first, second = await client.geocode("Oslo"), await client.geocode("Oslo")
    assert first == second
    assert weather_server.queries(GEOCODING) == [{"q": "Oslo", "limit": "5"}]


async def test_a_failed_query_is_sent_again(client: OpenWeatherMapClient, weather_server: WeatherServer) -> None:
    weather_server.faults[GEOCODING] = Fault(status=503)
    await error_of(client, lambda client: client.geocode("Oslo"))
    weather_server.faults.clear()
    assert [place.label for place in await client.geocode("Oslo")] == ["Oslo, NO"]


async def test_weather_comes_in_metric_units_for_the_coordinates(
    client: OpenWeatherMapClient, weather_server: WeatherServer
) -> None:
    now = await client.current_weather(MONUMENT)
    assert (now.main.temp, now.description, now.timezone) == (12, "light rain", -7 * 3600)
    assert now.precipitation_millimetres == 0.4
    assert weather_server.queries(CURRENT) == [{"lat": "39.0917", "lon": "-104.8728", "units": "metric"}]


async def test_a_forecast_has_five_days_of_three_hours(client: OpenWeatherMapClient) -> None:
    forecast = await client.forecast(MONUMENT)
    assert len(forecast.steps) == 40
    assert {later.dt - step.dt for step, later in zip(forecast.steps, forecast.steps[1:], strict=False)} == {10800}
    assert max(step.pop for step in forecast.steps) == 0.9


async def test_alerts_are_there_where_there_are_any(client: OpenWeatherMapClient) -> None:
    (alert,) = (await client.alerts(MONUMENT)).alerts
    assert (alert.event, alert.sender_name) == ("Wind Advisory", "Sample Service")
    assert (await client.alerts(Place(name="Oslo", lat=59.9133, lon=10.739))).alerts == []


async def test_a_session_serves_all_questions_and_reopens_after_close(
    client: OpenWeatherMapClient, weather_server: WeatherServer
) -> None:
    for _, ask in QUESTIONS:
        await ask(client)
    session = client._session
    await client.current_weather(MONUMENT)
    assert client._session is session
    await client.close()
    await client.close()
    assert (await client.current_weather(MONUMENT)).main.temp == 12


async def test_members_may_be_missing_or_new(client: OpenWeatherMapClient, weather_server: WeatherServer) -> None:
    weather_server.faults[CURRENT] = Fault(body=b'{"dt": 1, "main": {"temp": 7.5, "entropy": 1}, "novel": {"a": []}}')
    now = await client.current_weather(MONUMENT)
    assert (now.main.temp, now.description, now.wind, now.precipitation_millimetres) == (7.5, "", None, 0)
    weather_server.faults[GEOCODING] = Fault(body=b'[{"name": "X", "lat": 1, "lon": 2, "state": null, "zip": "1"}]')
    assert [place.label for place in await client.geocode("X")] == ["X"]
    weather_server.faults[ONE_CALL] = Fault(body=b'{"timezone": "America/Denver", "alerts": [{"event": "Frost"}]}')
    assert [alert.event for alert in (await client.alerts(MONUMENT)).alerts] == ["Frost"]


async def test_bodies_as_the_service_documents_them_are_read(
    client: OpenWeatherMapClient, weather_server: WeatherServer
) -> None:
    sky = [{"id": 501, "main": "Rain", "description": "moderate rain", "icon": "10d"}]
    main = {"temp": 11.3, "feels_like": 10.8, "temp_min": 10.1, "temp_max": 12.6, "pressure": 1015, "humidity": 91}
    moment = {"dt": 1684929490, "main": main, "weather": sky, "wind": {"speed": 4.1, "deg": 93, "gust": 5.9}}
    bodies: dict[str, Any] = {
        GEOCODING: [
            {
                "name": "London",
                "local_names": {"ascii": "London", "feature_name": "London", "fr": "Londres", "ja": "ロンドン"},
                "lat": 51.5073219,
                "lon": -0.1276474,
                "country": "GB",
                "state": "England",
            }
        ],
        CURRENT: moment | {"coord": {"lat": 1, "lon": 2}, "rain": {"1h": 3.16}, "timezone": 7200, "cod": 200},
        FORECAST: {
            "cod": "200",
            "message": 0,
            "cnt": 1,
            "list": [
                moment | {"pop": 0.32, "rain": {"3h": 0.26}, "sys": {"pod": "d"}, "dt_txt": "2023-05-24 12:00:00"}
            ],
            "city": {"id": 1, "name": "London", "timezone": 3600, "sunrise": 1684901234},
        },
        ONE_CALL: {
            "lat": 33.44,
            "lon": -94.04,
            "timezone": "America/Chicago",
            "timezone_offset": -18000,
            "alerts": [
                {
                    "sender_name": "NWS Tulsa",
                    "event": "Heat Advisory",
                    "start": 1684952747,
                    "end": 1684988747,
                    "description": "...HEAT ADVISORY...",
                    "tags": ["Extreme high temperature"],
                }
            ],
        },
    }
    for path, body in bodies.items():
        weather_server.faults[path] = Fault(body=json.dumps(body).encode())
    (place,) = await client.geocode("London")
    now, forecast, alerts = (
        await client.current_weather(place),
        await client.forecast(place),
        await client.alerts(place),
    )
    assert place.label == "London, England, GB"
    assert (now.main.feels_like, now.description, now.rain and now.rain.millimetres, now.timezone) == (
        10.8,
        "moderate rain",
        3.16,
        7200,
    )
    (step,) = forecast.steps
    assert (step.pop, step.precipitation_millimetres, step.main.lowest, forecast.timezone) == (0.32, 0.26, 10.1, 3600)
    assert (alerts.utc_offset, alerts.alerts[0].event, alerts.alerts[0].end) == (-18000, "Heat Advisory", 1684988747)


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, ApiKeyRefused, "OPENWEATHERMAP_API_KEY"),
        (403, ApiKeyRefused, "OPENWEATHERMAP_API_KEY"),
        (404, PlaceNotFound, "name a town near it"),
        (429, TooManyRequests, "over its limit"),
        (500, WeatherServiceFailed, "try again later"),
        (503, WeatherServiceFailed, "try again later"),
        (302, UnexpectedAnswer, "OPENWEATHERMAP_BASE_URL"),
        (400, UnexpectedAnswer, "OPENWEATHERMAP_BASE_URL"),
    ],
)
async def test_each_status_is_an_error_that_says_what_to_do(
    client: OpenWeatherMapClient, weather_server: WeatherServer, status: int, kind: type[WeatherError], says: str
) -> None:
    for path, ask in QUESTIONS[:3]:
        weather_server.faults[path] = Fault(status=status, headers={"Location": "/elsewhere"})
        error = await error_of(client, ask)
        assert type(error) is kind
        assert str(status) in str(error)
        assert says in str(error)
        assert isinstance(error, GenesisError)


@pytest.mark.parametrize(("header", "seconds"), [("17", 17.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None)])
async def test_429_carries_the_time_to_wait(
    client: OpenWeatherMapClient, weather_server: WeatherServer, header: str, seconds: float | None
) -> None:
    weather_server.faults[CURRENT] = Fault(status=429, headers={"Retry-After": header})
    error = await error_of(client, lambda client: client.current_weather(MONUMENT))
    assert error.retry_after_seconds == seconds


async def test_a_wrong_key_is_refused_by_every_question(weather_server: WeatherServer) -> None:
    async with OpenWeatherMapClient("not-the-key", weather_server.base_url) as client:
        for _, ask in QUESTIONS:
            assert isinstance(await error_of(client, ask), ApiKeyRefused)


async def test_alerts_without_a_subscription_say_so(
    client: OpenWeatherMapClient, weather_server: WeatherServer
) -> None:
    weather_server.subscribed = False
    error = await error_of(client, lambda client: client.alerts(MONUMENT))
    assert isinstance(error, SubscriptionMissing)
    assert "subscription to One Call 3.0" in str(error)
    assert (await client.current_weather(MONUMENT)).main.temp == 12


WRONG_EVERYWHERE = [b"", b"<html>not JSON</html>", b"\xff\xfe", b"null", b"7", b'"text"', b"[[]]", b'{"alerts": 1}']
WRONG_BUT_FOR_ALERTS = [b'{"cod": 200}', b'{"list": [1]}']  # One Call leaves alerts out when there are none


@pytest.mark.parametrize(
    ("path", "ask", "body"),
    [(path, ask, body) for path, ask in QUESTIONS for body in WRONG_EVERYWHERE]
    + [(path, ask, body) for path, ask in QUESTIONS if path != ONE_CALL for body in WRONG_BUT_FOR_ALERTS],
)
async def test_a_body_of_another_shape_is_an_error(
    client: OpenWeatherMapClient, weather_server: WeatherServer, path: str, ask: Ask, body: bytes
) -> None:
    weather_server.faults[path] = Fault(body=body)
    assert isinstance(await error_of(client, ask), UnexpectedAnswer)


@pytest.mark.parametrize(
    "changes",
    [
        {"dt": -1},
        {"dt": 10**30},
        {"timezone": 10**6},
        {"main": {"temp": float("nan")}},
        {"main": {"temp": None}},
        {"main": {}},
    ],
)
async def test_senseless_numbers_are_an_error(
    client: OpenWeatherMapClient, weather_server: WeatherServer, changes: dict[str, Any]
) -> None:
    body = {"dt": 1, "timezone": 0, "main": {"temp": 1.0}} | changes
    weather_server.faults[CURRENT] = Fault(body=json.dumps(body).encode())
    error = await error_of(client, lambda client: client.current_weather(MONUMENT))
    assert isinstance(error, UnexpectedAnswer)


@every_question
async def test_silence_is_a_timeout(weather_server: WeatherServer, path: str, ask: Ask) -> None:
    weather_server.faults[path] = Fault(delay_seconds=60)
    async with OpenWeatherMapClient(KEY, weather_server.base_url, timeout_seconds=0.2) as client:
        error = await error_of(client, ask)
    assert isinstance(error, WeatherTimeout)
    assert isinstance(error, TimeoutError)
    assert "0.2 s" in str(error)


@every_question
async def test_a_cut_connection_is_unreachable(
    client: OpenWeatherMapClient, weather_server: WeatherServer, path: str, ask: Ask
) -> None:
    weather_server.faults[path] = Fault(drop=True)
    assert isinstance(await error_of(client, ask), WeatherServiceUnreachable)


@every_question
async def test_nobody_listening_is_unreachable(path: str, ask: Ask) -> None:
    async with OpenWeatherMapClient(KEY, f"http://127.0.0.1:{free_port()}") as client:
        error = await error_of(client, ask)
    assert isinstance(error, WeatherServiceUnreachable)
    assert "check the network" in str(error)


async def test_no_log_holds_the_key(
    client: OpenWeatherMapClient, weather_server: WeatherServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for path, ask in QUESTIONS:
        await ask(client)
        for fault in (Fault(status=401), Fault(status=500), Fault(body=b"<"), Fault(drop=True)):
            weather_server.faults[path] = fault
            client._places.clear()
            error = await error_of(client, ask)
            logging.getLogger("application").error("failed", exc_info=error)
    assert "failed" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in repr(client)


@pytest.mark.parametrize(
    ("key", "base_url", "says"),
    [
        ("", "http://127.0.0.1:1", "OPENWEATHERMAP_API_KEY"),
        ("  \n", "http://127.0.0.1:1", "OPENWEATHERMAP_API_KEY"),
        (KEY, "api.openweathermap.org", "OPENWEATHERMAP_BASE_URL"),
        (KEY, "ftp://127.0.0.1", "OPENWEATHERMAP_BASE_URL"),
        (KEY, "http://", "OPENWEATHERMAP_BASE_URL"),
        (KEY, "http://127.0.0.1:port", "OPENWEATHERMAP_BASE_URL"),
        (KEY, f"http://user:{KEY}@127.0.0.1", "OPENWEATHERMAP_BASE_URL"),
        (KEY, f"http://127.0.0.1/?appid={KEY}", "OPENWEATHERMAP_BASE_URL"),
    ],
)
def test_what_cannot_work_is_refused_at_once(key: str, base_url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        OpenWeatherMapClient(key, base_url)
    assert KEY not in str(caught.value)


async def test_a_key_may_have_a_newline_and_a_base_url_a_path(weather_server: WeatherServer) -> None:
    async with OpenWeatherMapClient(f" {KEY}\n", f"{weather_server.base_url}/") as client:
        assert [place.name for place in await client.geocode("Oslo")] == ["Oslo"]


def test_aiohttp_is_loaded_at_the_first_question_only() -> None:
    program = "import sys, genesis_lib.agents.openweathermap as m; m.OpenWeatherMapClient('k'); print('aiohttp' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
