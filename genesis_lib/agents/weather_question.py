"""What a request about the weather asks for, apart from the place: which kind of answer, and for which day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from genesis_lib.agents.regions import fold
from genesis_lib.agents.weather_words import (
    ALERT_WORDS,
    FORECAST_WORDS,
    NOW_WORDS,
    PRECIPITATION_WORDS,
    TEMPERATURE_WORDS,
    WEATHER_WORDS,
)


class WeatherType(StrEnum):
    """The kinds of answers, by the names of the capabilities."""

    CURRENT = "current_weather"
    FORECAST = "weather_forecast"
    ALERTS = "weather_alerts"
    TEMPERATURE = "temperature_check"
    PRECIPITATION = "precipitation_forecast"


class Day(StrEnum):
    """When the weather is asked for, on the calendar of the place."""

    NOW = "now"
    TODAY = "today"
    TOMORROW = "tomorrow"
    DAY_AFTER_TOMORROW = "day after tomorrow"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    WEEKEND = "weekend"
    NEXT_TWO_DAYS = "today and tomorrow"
    NEXT_DAYS = "next days"
    ANOTHER = "another day"
    """One that cannot be answered for: in the past, far ahead, or a date of the calendar."""


_WEEKDAYS = (Day.MONDAY, Day.TUESDAY, Day.WEDNESDAY, Day.THURSDAY, Day.FRIDAY, Day.SATURDAY, Day.SUNDAY)
_SHORT_WEEKDAYS = dict(zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), _WEEKDAYS, strict=True)) | {
    "tues": Day.TUESDAY,
    "thurs": Day.THURSDAY,
}
_PHRASES = {
    "day after tomorrow": Day.DAY_AFTER_TOMORROW,
    "in two days": Day.DAY_AFTER_TOMORROW,
    "in 2 days": Day.DAY_AFTER_TOMORROW,
    "today and tomorrow": Day.NEXT_TWO_DAYS,
    "tomorrow": Day.TOMORROW,
    **{day.value: day for day in _WEEKDAYS},
    **_SHORT_WEEKDAYS,
    "weekend": Day.WEEKEND,
    "week": Day.NEXT_DAYS,
    "days": Day.NEXT_DAYS,
    "today": Day.TODAY,
    "tonight": Day.TODAY,
    "this morning": Day.TODAY,
    "this afternoon": Day.TODAY,
    "this evening": Day.TODAY,
    **dict.fromkeys(sorted(NOW_WORDS), Day.NOW),
}
_DAY = re.compile(rf"\b(?:{'|'.join(_PHRASES)})\b")
_PLAIN_DAYS = {Day.NOW, Day.TODAY, Day.TOMORROW, Day.DAY_AFTER_TOMORROW, Day.NEXT_TWO_DAYS}
_NUMBER = r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|(?:a )?few|several|(?:a )?couple of)"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)"
_ANOTHER_DAY = re.compile(
    "|".join(
        rf"\b(?:{pattern})(?!\w)"
        for pattern in (
            r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{1,2}\.\d{1,2}\.(?:\d{2,4})?",
            rf"{_ORDINAL}|\d{{1,2}}\.? {_MONTH}|{_MONTH}\.? \d+",
            rf"(?:in|for|by|during|until|early|late|mid|next|last|this) {_MONTH}",
            r"yesterday|ago|christmas|easter|new year|(?:in|during|next|last|this)(?: the)? (?:summer|autumn|fall|winter|spring)",
            rf"(?:last|past|previous) (?:{_NUMBER} )?(?:night|days?|week|weekend|{'|'.join(_WEEKDAYS)})",
            r"weeks|fortnight|months?|years?|week from|week after|(?<!the )next week|in a week",
            rf"in (?!two |2 )(?:about )?{_NUMBER} days(?: time)?|{_NUMBER} days from",
        )
    )
)
DAYS_AHEAD = 5
"""How many days a forecast without a day is for, today included."""


@dataclass(frozen=True, slots=True)
class WeatherQuestion:
    """What is asked for; None is what the request leaves open."""

    weather_type: WeatherType | None = None
    day: Day | None = None

    def completed(self, earlier: WeatherQuestion) -> WeatherQuestion:
        """This question, what it leaves open taken from the one before: "And tomorrow?", "And in Boston?"."""
        if self.weather_type is not None:
            return self
        return WeatherQuestion(earlier.weather_type, self.day or earlier.day)

    def settled(self) -> tuple[WeatherType, Day | None]:
        """Kind and day that go together: the current weather is that of now, that of another day is a forecast."""
        asked = self.weather_type or WeatherType.CURRENT
        if asked is WeatherType.CURRENT and self.day not in (None, Day.NOW, Day.TODAY):
            return WeatherType.FORECAST, self.day
        if asked is WeatherType.FORECAST and self.day is Day.NOW:
            return WeatherType.CURRENT, self.day
        return asked, self.day


def read_question(text: str) -> WeatherQuestion:
    """Read a request by its words; give it without the place's name, which may be "Hot Springs".

    The day that stands first counts, so that "tomorrow" wins in "tomorrow, not on Friday". A weekday does not over one that
    cannot be answered for, as in "Friday, 25 December"; today does, as in "Is it warmer today than yesterday?".
    """
    plain = fold(text)
    words = set(plain.split())
    day = _read_day(plain, " ".join(text.casefold().split()))
    if words & ALERT_WORDS:
        return WeatherQuestion(WeatherType.ALERTS, day)
    if words & PRECIPITATION_WORDS:
        return WeatherQuestion(WeatherType.PRECIPITATION, day or _now_if_running(words))
    if words & TEMPERATURE_WORDS:
        return WeatherQuestion(WeatherType.TEMPERATURE, day)
    if words & FORECAST_WORDS:
        return WeatherQuestion(WeatherType.FORECAST, day)
    return WeatherQuestion(WeatherType.CURRENT if words & WEATHER_WORDS else None, day)


def dates_of(day: Day, today: date) -> Sequence[date]:
    """The dates that are meant, the first one first; a weekday is the next one, today included. None for another day."""
    match day:
        case Day.NOW | Day.TODAY:
            return [today]
        case Day.TOMORROW:
            return [today + timedelta(days=1)]
        case Day.DAY_AFTER_TOMORROW:
            return [today + timedelta(days=2)]
        case Day.NEXT_TWO_DAYS:
            return [today, today + timedelta(days=1)]
        case Day.NEXT_DAYS:
            return [today + timedelta(days=n) for n in range(DAYS_AHEAD)]
        case Day.WEEKEND:
            sunday = _next(Day.SUNDAY, today)
            saturday = sunday - timedelta(days=1)
            return [sunday] if saturday < today else [saturday, sunday]
        case Day.ANOTHER:
            return []
        case _:
            return [_next(day, today)]


def _read_day(plain: str, punctuated: str) -> Day | None:
    match = _DAY.search(plain)
    day = _PHRASES[match[0]] if match else None
    if day not in _PLAIN_DAYS and _ANOTHER_DAY.search(punctuated):
        return Day.ANOTHER
    return day


def _next(weekday: Day, today: date) -> date:
    return today + timedelta(days=(_WEEKDAYS.index(weekday) - today.weekday()) % 7)


def _now_if_running(words: set[str]) -> Day | None:
    return Day.NOW if words & {"raining", "snowing", "drizzling", "hailing"} else None
