"""Weather in sentences. Pure: data in, text out. Temperatures in degrees Celsius, amounts in millimetres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone

from genesis_lib.agents.weather_data import Alerts, CurrentWeather, Forecast, ForecastStep
from genesis_lib.agents.weather_question import WeatherType

_LIKELY = 0.3  # from this probability on a step counts as wet
_STEP = timedelta(hours=3)


def tell_now(label: str, weather_type: WeatherType, now: CurrentWeather) -> str:
    """The weather at this moment, with the stress on what was asked."""
    main, sky = now.main, now.description
    feels = "" if main.feels_like is None else f", feels like {_degrees(main.feels_like)}"
    if weather_type is WeatherType.TEMPERATURE:
        return f"{label}: {_degrees(main.temp)} now{feels}."
    if weather_type is WeatherType.PRECIPITATION:
        millimetres = now.precipitation_millimetres
        if millimetres > 0:
            return f"{label}: yes, {sky or 'precipitation'} right now ({_millimetres(millimetres)})."
        return f"{label}: no rain or snow right now{f', {sky}' if sky else ''}."
    humidity = "" if main.humidity is None else f", humidity {main.humidity:.0f} %"
    wind = "" if now.wind is None or now.wind.speed is None else f", wind {now.wind.speed:.1f} m/s"
    return f"{label}: {_degrees(main.temp)}{f', {sky}' if sky else ''}{feels}{humidity}{wind}."


def tell_days(
    label: str, weather_type: WeatherType, forecast: Forecast, dates: Sequence[date], today: date
) -> str | None:
    """The weather of some days, with the stress on what was asked; None when the forecast reaches none of them."""
    days = [(day, steps) for day in dates if (steps := _steps_of(forecast, day))]
    if not days:
        return None
    tell = {WeatherType.TEMPERATURE: _temperature, WeatherType.PRECIPITATION: _precipitation}.get(weather_type, _day)
    told = [(_name(day, today), tell(steps, forecast.timezone)) for day, steps in days]
    if len(told) == 1:
        return f"{label}, {told[0][0]}: {told[0][1]}."
    return f"{label}: {'; '.join(f'{name} {text}' for name, text in told)}."


def tell_reach(forecast: Forecast) -> str:
    """How far the forecast reaches."""
    last = max((_local(step.dt, forecast.timezone) for step in forecast.steps), default=None)
    return "there is no forecast" if last is None else f"the forecast reaches until {last:%A} {last.day} {last:%B}"


def tell_alerts(label: str, alerts: Alerts) -> str:
    """The weather alerts in force."""
    if not alerts.alerts:
        return f"{label}: no weather alerts in force."
    told = []
    for alert in alerts.alerts:
        end = "" if alert.end is None else f"until {_moment(_local(alert.end, alerts.utc_offset))}"
        details = ", ".join(part for part in (alert.sender_name, end) if part)
        told.append(f"{alert.event} ({details})" if details else alert.event)
    count = "1 weather alert" if len(told) == 1 else f"{len(told)} weather alerts"
    return f"{label}: {count}: {'; '.join(told)}."


def _day(steps: Sequence[ForecastStep], offset: int) -> str:
    sky = Counter(step.description for step in steps if step.description).most_common(1)
    return ", ".join([_temperature(steps, offset), *(text for text, _ in sky), _precipitation(steps, offset)])


def _temperature(steps: Sequence[ForecastStep], offset: int) -> str:
    lowest = round(min(step.main.lowest for step in steps))
    highest = round(max(step.main.highest for step in steps))
    return _degrees(lowest) if lowest == highest else f"{lowest} to {_degrees(highest)}"


def _precipitation(steps: Sequence[ForecastStep], offset: int) -> str:
    chance = max(step.pop for step in steps)
    wet = [step for step in steps if step.pop >= _LIKELY]
    if not wet:
        return f"mostly dry ({_percent(chance)} chance of rain or snow)" if chance > 0 else "dry"
    kind = "snow" if all(step.snow is not None and step.rain is None for step in wet) else "rain"
    first, last = _local(wet[0].dt, offset), _local(wet[-1].dt, offset) + _STEP
    total = sum(step.precipitation_millimetres for step in steps)
    amount = f", {_millimetres(total)}" if total > 0 else ""
    return f"{_percent(chance)} chance of {kind} between {first:%H:%M} and {last:%H:%M}{amount}"


def _steps_of(forecast: Forecast, day: date) -> list[ForecastStep]:
    return [step for step in forecast.steps if _local(step.dt, forecast.timezone).date() == day]


def _name(day: date, today: date) -> str:
    calendar = f"{day:%A} {day.day} {day:%B}"
    relative = {0: "today", 1: "tomorrow"}.get((day - today).days)
    return f"{relative} ({calendar})" if relative else calendar


def _moment(time: datetime) -> str:
    return f"{time:%A} {time.day} {time:%B} {time:%H:%M}"


def _local(seconds: int, offset: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone(timezone(timedelta(seconds=offset)))


def _degrees(celsius: float) -> str:
    return f"{round(celsius)} °C"


def _millimetres(amount: float) -> str:
    return f"{amount:.1f} mm"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
