"""Weather in sentences."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from genesis_lib.agents.weather_answer import tell_alerts, tell_days, tell_now, tell_reach
from genesis_lib.agents.weather_data import Alerts, CurrentWeather, Forecast
from genesis_lib.agents.weather_question import WeatherType

TODAY = date(2026, 11, 26)
NOW = CurrentWeather.model_validate(
    {
        "dt": 0,
        "main": {"temp": -0.4, "feels_like": -3.2, "humidity": 61},
        "weather": [{"main": "Snow", "description": "light snow"}],
        "wind": {"speed": 3.14},
        "snow": {"1h": 0.3},
    }
)
BARE = CurrentWeather.model_validate({"dt": 0, "main": {"temp": 21}})


def step(hour: int, pop: float, day: int = 26, **members: object) -> dict[str, object]:
    start = int(datetime(2026, 11, day, hour, tzinfo=UTC).timestamp())
    sky = [{"main": "Sky", "description": "rainy" if pop > 0.3 else "fair"}]
    return {"dt": start, "main": {"temp": hour}, "weather": sky, "pop": pop} | members


def forecast(*steps: dict[str, object], timezone: int = 0) -> Forecast:
    return Forecast.model_validate({"list": steps, "city": {"timezone": timezone}})


@pytest.mark.parametrize(
    ("weather_type", "now", "text"),
    [
        (WeatherType.CURRENT, NOW, "Oslo: 0 °C, light snow, feels like -3 °C, humidity 61 %, wind 3.1 m/s."),
        (WeatherType.CURRENT, BARE, "Oslo: 21 °C."),
        (WeatherType.TEMPERATURE, NOW, "Oslo: 0 °C now, feels like -3 °C."),
        (WeatherType.TEMPERATURE, BARE, "Oslo: 21 °C now."),
        (WeatherType.PRECIPITATION, NOW, "Oslo: yes, light snow right now (0.3 mm)."),
        (WeatherType.PRECIPITATION, BARE, "Oslo: no rain or snow right now."),
    ],
)
def test_now(weather_type: WeatherType, now: CurrentWeather, text: str) -> None:
    assert tell_now("Oslo", weather_type, now) == text


WET = forecast(step(6, 0.1), step(9, 0.6, rain={"3h": 1.2}), step(12, 0.8, rain={"3h": 2}), step(15, 0), step(18, 0))


@pytest.mark.parametrize(
    ("weather_type", "text"),
    [
        (
            WeatherType.FORECAST,
            "Oslo, today (Thursday 26 November): 6 to 18 °C, fair, 80 % chance of rain between 09:00 and 15:00, 3.2 mm.",
        ),
        (WeatherType.TEMPERATURE, "Oslo, today (Thursday 26 November): 6 to 18 °C."),
        (
            WeatherType.PRECIPITATION,
            "Oslo, today (Thursday 26 November): 80 % chance of rain between 09:00 and 15:00, 3.2 mm.",
        ),
    ],
)
def test_a_day(weather_type: WeatherType, text: str) -> None:
    assert tell_days("Oslo", weather_type, WET, [TODAY], TODAY) == text


def test_several_days_are_named_each() -> None:
    told = forecast(step(12, 0, day=27), step(12, 0.9, day=28, snow={"3h": 4}))
    days = [TODAY, date(2026, 11, 27), date(2026, 11, 28)]
    assert tell_days("Oslo", WeatherType.PRECIPITATION, told, days, TODAY) == (
        "Oslo: tomorrow (Friday 27 November) dry; "
        "Saturday 28 November 90 % chance of snow between 12:00 and 15:00, 4.0 mm."
    )


def test_days_are_those_of_the_place() -> None:
    late = forecast(step(21, 0), timezone=4 * 3600)
    assert tell_days("Oslo", WeatherType.TEMPERATURE, late, [TODAY], TODAY) is None
    told = tell_days("Oslo", WeatherType.TEMPERATURE, late, [date(2026, 11, 27)], TODAY)
    assert told == "Oslo, tomorrow (Friday 27 November): 21 °C."
    assert tell_reach(late) == "the forecast reaches until Friday 27 November"


def test_a_small_chance_is_mostly_dry() -> None:
    told = tell_days("Oslo", WeatherType.PRECIPITATION, forecast(step(9, 0.1)), [TODAY], TODAY)
    assert told == "Oslo, today (Thursday 26 November): mostly dry (10 % chance of rain or snow)."


def test_an_empty_forecast_reaches_nowhere() -> None:
    assert tell_days("Oslo", WeatherType.FORECAST, forecast(), [TODAY], TODAY) is None
    assert tell_reach(forecast()) == "there is no forecast"


@pytest.mark.parametrize(
    ("alerts", "text"),
    [
        ([], "Oslo: no weather alerts in force."),
        ([{"event": "Frost"}], "Oslo: 1 weather alert: Frost."),
        (
            [{"event": "Frost", "sender_name": "Met", "end": 1795687200}, {"event": "Wind", "sender_name": None}],
            "Oslo: 2 weather alerts: Frost (Met, until Thursday 26 November 11:00); Wind.",
        ),
    ],
)
def test_alerts(alerts: list[dict[str, object]], text: str) -> None:
    told = Alerts.model_validate({"timezone_offset": 3600, "alerts": alerts})
    assert tell_alerts("Oslo", told) == text
