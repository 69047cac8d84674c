"""What a request asks for, read by its words, and the dates that days stand for."""

from __future__ import annotations

from datetime import date

import pytest

from genesis_lib.agents.weather_question import Day, WeatherQuestion, WeatherType, dates_of, read_question

CURRENT, FORECAST, ALERTS, TEMPERATURE, PRECIPITATION = (
    WeatherType.CURRENT,
    WeatherType.FORECAST,
    WeatherType.ALERTS,
    WeatherType.TEMPERATURE,
    WeatherType.PRECIPITATION,
)


@pytest.mark.parametrize(
    ("text", "weather_type", "day"),
    [
        ("weather in ?", CURRENT, None),
        ("weather now", CURRENT, Day.NOW),
        ("What's the weather today?", CURRENT, Day.TODAY),
        ("What will the weather be like tomorrow in ?", FORECAST, Day.TOMORROW),
        ("weather the day after tomorrow", FORECAST, Day.DAY_AFTER_TOMORROW),
        ("sunny on Friday?", FORECAST, Day.FRIDAY),
        ("Forecast, please", FORECAST, None),
        ("forecast right now", CURRENT, Day.NOW),
        ("weather this week", FORECAST, Day.NEXT_DAYS),
        ("weather for the weekend", FORECAST, Day.WEEKEND),
        ("Any weather warnings?", ALERTS, None),
        ("storm alerts for tomorrow", ALERTS, Day.TOMORROW),
        ("How cold is it?", TEMPERATURE, None),
        ("temperature on Sat", TEMPERATURE, Day.SATURDAY),
        ("How hot will it be tonight", TEMPERATURE, Day.TODAY),
        ("temperature today, 12/15 degrees?", TEMPERATURE, Day.TODAY),
        ("Will it rain tomorrow, as it did yesterday?", PRECIPITATION, Day.TOMORROW),
        ("Is it raining?", PRECIPITATION, Day.NOW),
        ("Will it rain?", PRECIPITATION, None),
        ("Do I need an umbrella tomorrow, not on Friday?", PRECIPITATION, Day.TOMORROW),
        ("snow on WEDNESDAY", PRECIPITATION, Day.WEDNESDAY),
        ("", CURRENT, None),
        ("and tomorrow?", FORECAST, Day.TOMORROW),
    ],
)
def test_kind_and_day_are_read(text: str, weather_type: WeatherType, day: Day | None) -> None:
    assert read_question(text).settled() == (weather_type, day)


@pytest.mark.parametrize(
    "day",
    [
        *(
            "on 25 December",
            "on December 25",
            "Dec. 25th",
            "on 2026-12-24",
            "on 12/24",
            "on 24.12.",
            "on the 25th",
            "in May",
        ),
        *("on 3 May", "yesterday", "two days ago", "last night", "last week", "last Friday", "in the past few days"),
        *("in three weeks", "in 10 days", "in a few days", "in a week", "next week", "next month", "this winter"),
        *("on Friday, 25 December", "at Christmas", "a week from Friday", "in two weeks", "next year", "LAST MONTH"),
    ],
)
@pytest.mark.parametrize("text", ["Will it rain {}?", "{}: weather?", "Temperature {}", "Any alerts {}?"])
def test_a_day_that_cannot_be_answered_for_is_no_other_day(text: str, day: str) -> None:
    assert read_question(text.format(day)).day is Day.ANOTHER


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("rain in 2 days", Day.DAY_AFTER_TOMORROW),
        ("rain in two days?", Day.DAY_AFTER_TOMORROW),
        ("rain in the next 3 days", Day.NEXT_DAYS),
        ("5 day forecast", None),
        ("weather over the next week", Day.NEXT_DAYS),
        ("next Friday", Day.FRIDAY),
        ("How long will the rain last today?", Day.TODAY),
        ("May it rain tomorrow?", Day.TOMORROW),
        ("Is it above 10-12 degrees now?", Day.NOW),
        ("is it a nice day for a march", None),
    ],
)
def test_a_day_in_reach_is_read(text: str, day: Day | None) -> None:
    assert read_question(text).day is day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("And tomorrow?", WeatherQuestion(PRECIPITATION, Day.TOMORROW)),
        ("And in ?", WeatherQuestion(PRECIPITATION, Day.FRIDAY)),
        ("How warm is it?", WeatherQuestion(TEMPERATURE, None)),
    ],
)
def test_a_follow_up_keeps_what_it_leaves_open(text: str, expected: WeatherQuestion) -> None:
    assert read_question(text).completed(WeatherQuestion(PRECIPITATION, Day.FRIDAY)) == expected


THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("day", "days_of_november"),
    [
        (Day.NOW, [26]),
        (Day.TODAY, [26]),
        (Day.TOMORROW, [27]),
        (Day.DAY_AFTER_TOMORROW, [28]),
        (Day.NEXT_TWO_DAYS, [26, 27]),
        (Day.NEXT_DAYS, [26, 27, 28, 29, 30]),
        (Day.WEEKEND, [28, 29]),
        (Day.THURSDAY, [26]),
        (Day.FRIDAY, [27]),
        (Day.MONDAY, [30]),
    ],
)
def test_days_are_dates(day: Day, days_of_november: list[int]) -> None:
    assert dates_of(day, THURSDAY) == [date(2026, 11, n) for n in days_of_november]


@pytest.mark.parametrize(("today", "days"), [(28, [28, 29]), (29, [29])])
def test_a_weekend_that_has_begun_is_this_one(today: int, days: list[int]) -> None:
    assert dates_of(Day.WEEKEND, date(2026, 11, today)) == [date(2026, 11, n) for n in days]


@pytest.mark.parametrize("day", [day for day in Day if day is not Day.ANOTHER])
def test_every_day_but_another_has_dates(day: Day) -> None:
    assert dates_of(day, THURSDAY)[0] >= THURSDAY


def test_another_day_has_no_dates() -> None:
    assert dates_of(Day.ANOTHER, THURSDAY) == []
