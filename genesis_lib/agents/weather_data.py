"""Weather as OpenWeatherMap's API gives it: the members that are read, all others ignored. And who can give it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

Seconds = Annotated[int, Field(ge=0, lt=2**33)]
Offset = Annotated[int, Field(gt=-86400, lt=86400)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Place(_Model):
    """A place the geocoder knows. `lat` and `lon` are degrees, `country` is an ISO 3166-1 alpha-2 code."""

    name: str
    lat: float
    lon: float
    country: str | None = None
    state: str | None = None
    local_names: dict[str, str] = {}

    @property
    def label(self) -> str:
        """The place as answers name it."""
        state = self.state if self.state != self.name else None
        return ", ".join(part for part in (self.name, state, self.country) if part)


class Condition(_Model):
    """What the sky does, in a word and in a few."""

    main: str = ""
    description: str = ""


class Measurements(_Model):
    """Temperatures in degrees Celsius, humidity in percent."""

    temp: float
    feels_like: float | None = None
    temp_min: float | None = None
    temp_max: float | None = None
    humidity: float | None = None

    @property
    def lowest(self) -> float:
        """The lowest temperature, as far as it is given."""
        return self.temp if self.temp_min is None else self.temp_min

    @property
    def highest(self) -> float:
        """The highest temperature, as far as it is given."""
        return self.temp if self.temp_max is None else self.temp_max


class Wind(_Model):
    """Metres per second."""

    speed: float | None = None


class Amount(_Model):
    """Rain or snow in millimetres, within the last hour or three."""

    one_hour: float | None = Field(
        default=None, validation_alias=AliasChoices("1h", "one_hour"), serialization_alias="1h"
    )
    three_hours: float | None = Field(
        default=None, validation_alias=AliasChoices("3h", "three_hours"), serialization_alias="3h"
    )

    @property
    def millimetres(self) -> float:
        """Whichever of the two was given."""
        return self.one_hour or self.three_hours or 0.0


class Moment(_Model):
    """The weather at one time: `dt` is seconds since the epoch."""

    dt: Seconds
    main: Measurements
    weather: list[Condition] = []
    wind: Wind | None = None
    rain: Amount | None = None
    snow: Amount | None = None

    @property
    def description(self) -> str:
        """The sky in a few words, "" when unknown."""
        return next((condition.description or condition.main for condition in self.weather), "")

    @property
    def precipitation_millimetres(self) -> float:
        """Rain and snow together."""
        return sum(amount.millimetres for amount in (self.rain, self.snow) if amount is not None)


class CurrentWeather(Moment):
    """The weather now; `timezone` is the place's offset from UTC in seconds."""

    timezone: Offset = 0


class ForecastStep(Moment):
    """The weather three hours long from `dt` on; `pop` is the probability of precipitation, 0 to 1."""

    pop: float = Field(0.0, ge=0, le=1)


class City(_Model):
    """Of a forecast's place, its offset from UTC in seconds."""

    timezone: Offset = 0


class Forecast(_Model):
    """Five days in steps of three hours."""

    steps: list[ForecastStep] = Field(validation_alias=AliasChoices("list", "steps"))
    city: City = City()

    @property
    def timezone(self) -> int:
        """The place's offset from UTC in seconds."""
        return self.city.timezone


class Alert(_Model):
    """A warning by a weather service; times are seconds since the epoch."""

    event: str
    sender_name: str | None = None
    start: Seconds | None = None
    end: Seconds | None = None


class Alerts(_Model):
    """The alerts in force; `utc_offset` is the place's offset from UTC in seconds."""

    alerts: list[Alert] = []
    utc_offset: Offset = Field(default=0, validation_alias=AliasChoices("timezone_offset", "utc_offset"))


class WeatherSource(Protocol):
    """Whatever gives weather. All but `name` may raise WeatherError."""

    @property
    def name(self) -> Literal["openweathermap", "sample"]:
        """What replies say the data came from."""
        ...

    async def geocode(self, query: str) -> Sequence[Place]:
        """The places that a query ("Paris", "Paris,FR", "Paris,TX,US") fits, the likeliest first; empty when none."""
        ...

    async def current_weather(self, place: Place) -> CurrentWeather:
        """The weather at a place now."""
        ...

    async def forecast(self, place: Place) -> Forecast:
        """The weather at a place in the next five days."""
        ...

    async def alerts(self, place: Place) -> Alerts:
        """The weather alerts in force at a place."""
        ...

    async def close(self) -> None:
        """Let go of connections. Closing twice is fine."""
        ...
