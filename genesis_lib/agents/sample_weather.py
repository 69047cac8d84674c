"""Made-up weather for a handful of real places: for the agent without an API key, and for the weather server of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal

from genesis_lib.agents.regions import fold, regions_called
from genesis_lib.agents.weather_data import (
    Alert,
    Alerts,
    Amount,
    City,
    Condition,
    CurrentWeather,
    Forecast,
    ForecastStep,
    Measurements,
    Place,
    Wind,
)

SAMPLE_NOTE: Final = "sample data: set OPENWEATHERMAP_API_KEY for live data"
_STEP = timedelta(hours=3)
_STEPS = 40
_WET_HOURS = range(9, 21)


@dataclass(frozen=True, slots=True)
class _Sky:
    main: str
    description: str
    pop: float = 0.0
    rain: float = 0.0
    snow: float = 0.0


_LIGHT_RAIN = _Sky("Rain", "light rain", 0.6, rain=0.4)
_CLOUDS = _Sky("Clouds", "scattered clouds", 0.1)
_SNOW = _Sky("Snow", "light snow", 0.7, snow=0.3)
_CLEAR = _Sky("Clear", "clear sky")
_RAIN = _Sky("Rain", "moderate rain", 0.9, rain=2.1)


@dataclass(frozen=True, slots=True)
class SamplePlace:
    """A place with its weather, which every day it is asked for begins anew.

    Attributes:
        utc_offset_hours: standard time, all year.
        days: lowest and highest temperature and sky of today, tomorrow and so on; the last one goes on.
    """

    place: Place
    utc_offset_hours: float
    days: tuple[tuple[int, int, _Sky], ...]
    alerts: tuple[str, ...] = ()

    @property
    def zone(self) -> timezone:
        """Its time zone."""
        return timezone(timedelta(hours=self.utc_offset_hours))


def _known(
    name: str,
    state: str | None,
    country: str,
    latitude: float,
    longitude: float,
    utc_offset_hours: float,
    *days: tuple[int, int, _Sky],
    alerts: tuple[str, ...] = (),
    **local_names: str,
) -> SamplePlace:
    place = Place(name=name, lat=latitude, lon=longitude, country=country, state=state, local_names=local_names)
    return SamplePlace(place, utc_offset_hours, days, alerts)


# fmt: off
SAMPLE_PLACES: Final = (
    _known("Monument", "Colorado", "US", 39.0917, -104.8728, -7,
           (4, 12, _LIGHT_RAIN), (2, 9, _RAIN), (-4, 1, _SNOW), (1, 8, _CLEAR), alerts=("Wind Advisory",)),
    _known("Monument", "Oregon", "US", 44.8193, -119.4208, -8, (0, 7, _CLOUDS)),
    _known("New York", "New York", "US", 40.7127, -74.006, -5, (6, 13, _CLEAR), (5, 11, _CLOUDS), de="New York"),
    _known("York", "England", "GB", 53.9591, -1.0815, 0, (3, 8, _CLOUDS)),
    _known("Boston", "Massachusetts", "US", 42.3554, -71.0605, -5, (2, 9, _CLOUDS), (-2, 2, _SNOW)),
    _known("Springfield", "Illinois", "US", 39.799, -89.644, -6, (1, 10, _CLEAR)),
    _known("Springfield", "Massachusetts", "US", 42.1019, -72.5887, -5, (0, 8, _SNOW)),
    _known("Hot Springs", "Arkansas", "US", 34.5038, -93.0552, -6, (9, 19, _CLEAR)),
    _known("Rio de Janeiro", "Rio de Janeiro", "BR", -22.9111, -43.2056, -3, (22, 31, _CLEAR), (23, 29, _RAIN)),
    _known("São Paulo", "São Paulo", "BR", -23.5507, -46.6334, -3, (18, 26, _RAIN), pt="São Paulo", ja="サンパウロ"),
    _known("Paris", "Ile-de-France", "FR", 48.8589, 2.32, 1, (5, 11, _CLOUDS), (6, 12, _LIGHT_RAIN), ja="パリ"),
    _known("Paris", "Texas", "US", 33.6618, -95.5555, -6, (10, 21, _CLEAR)),
    _known("London", "England", "GB", 51.5073, -0.1276, 0, (7, 11, _LIGHT_RAIN), fr="Londres", pt="Londres"),
    _known("London", "Ontario", "CA", 42.9832, -81.2434, -5, (-3, 3, _SNOW)),
    _known("Oslo", None, "NO", 59.9133, 10.739, 1, (-5, 0, _SNOW), (-8, -2, _CLEAR)),
    _known("Zurich", "Zurich", "CH", 47.3745, 8.541, 1, (1, 7, _CLOUDS), (0, 5, _LIGHT_RAIN), de="Zürich"),
    _known("Tokyo", None, "JP", 35.6769, 139.7639, 9, (9, 16, _CLEAR), ja="東京"),
)
# fmt: on


class SampleWeather:
    """A `WeatherSource` that makes its weather up. The same question gets the same answer on any day.

    Args:
        places: those it knows.
    """

    name: Literal["sample"] = "sample"

    def __init__(self, places: Sequence[SamplePlace] = SAMPLE_PLACES) -> None:
        self._places = places

    async def geocode(self, query: str) -> tuple[Place, ...]:
        """The known places that "name", "name,country code" or "name,state code,US" fits."""
        name, *codes = (part.strip() for part in query.split(","))
        country = codes[-1] if codes else ""
        states = {name for region in regions_called(codes[0]) for name in region.names} if len(codes) > 1 else set()
        return tuple(
            known.place
            for known in self._places
            if fold(name) in {fold(own) for own in (known.place.name, *known.place.local_names.values())}
            and country in ("", known.place.country)
            and (not states or fold(known.place.state or "") in states)
        )

    async def current_weather(self, place: Place) -> CurrentWeather:
        """The weather of today, at its warmest."""
        known = self._at(place)
        _, high, sky = known.days[0]
        return CurrentWeather(
            dt=int(datetime.now(UTC).timestamp()),
            main=Measurements(temp=high, feels_like=high - 2, temp_min=high, temp_max=high, humidity=60),
            weather=[Condition(main=sky.main, description=sky.description)],
            wind=Wind(speed=3.1),
            rain=Amount(one_hour=sky.rain) if sky.rain else None,
            snow=Amount(one_hour=sky.snow) if sky.snow else None,
            timezone=int(known.utc_offset_hours * 3600),
        )

    async def forecast(self, place: Place) -> Forecast:
        """Five days from the next full three hours on; wet days are wet from 9:00 to 21:00."""
        known = self._at(place)
        now = datetime.now(UTC)
        first = now.replace(hour=now.hour // 3 * 3, minute=0, second=0, microsecond=0) + _STEP
        steps = [self._step(known, now, first + n * _STEP) for n in range(_STEPS)]
        return Forecast(steps=steps, city=City(timezone=int(known.utc_offset_hours * 3600)))

    async def alerts(self, place: Place) -> Alerts:
        """The place's alerts, for the next twelve hours."""
        known = self._at(place)
        start = int(datetime.now(UTC).timestamp())
        return Alerts(
            alerts=[
                Alert(event=event, sender_name="Sample Service", start=start, end=start + 43200)
                for event in known.alerts
            ],
            utc_offset=int(known.utc_offset_hours * 3600),
        )

    def anywhere(self, name: str) -> Place:
        """A place of that name, wherever it may be: without a geocoder the name has to do."""
        return Place(name=name, lat=0.0, lon=0.0)

    async def close(self) -> None:
        """Nothing is held."""

    def _at(self, place: Place) -> SamplePlace:
        """The known place that is nearest; weather is always for somewhere."""
        return min(
            self._places, key=lambda known: (known.place.lat - place.lat) ** 2 + (known.place.lon - place.lon) ** 2
        )

    def _step(self, known: SamplePlace, now: datetime, start: datetime) -> ForecastStep:
        local = start.astimezone(known.zone)
        days_ahead = (local.date() - now.astimezone(known.zone).date()).days
        low, high, sky = known.days[min(days_ahead, len(known.days) - 1)]
        wet = local.hour in _WET_HOURS
        return ForecastStep(
            dt=int(start.timestamp()),
            main=Measurements(temp=(low + high) / 2, temp_min=low, temp_max=high, humidity=60),
            weather=[Condition(main=sky.main, description=sky.description)],
            wind=Wind(speed=3.1),
            pop=sky.pop if wet else 0.0,
            rain=Amount(three_hours=sky.rain) if wet and sky.rain else None,
            snow=Amount(three_hours=sky.snow) if wet and sky.snow else None,
        )
