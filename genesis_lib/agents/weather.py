"""OpenWeatherMapAgent: weather in natural language, from OpenWeatherMap or, without a key, made up and marked as such."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from genesis_lib.agents.openweathermap import (
    DEFAULT_TIMEOUT_SECONDS,
    OPENWEATHERMAP_BASE_URL,
    OpenWeatherMapClient,
    PlaceNotFound,
    WeatherError,
)
from genesis_lib.agents.places import CAPITAL, STRONG, find_named, find_place, likeliest
from genesis_lib.agents.sample_weather import SAMPLE_NOTE, SampleWeather
from genesis_lib.agents.weather_answer import tell_alerts, tell_days, tell_now, tell_reach
from genesis_lib.agents.weather_data import Place, WeatherSource
from genesis_lib.agents.weather_model import ModelReading, read_with_model
from genesis_lib.agents.weather_question import Day, WeatherQuestion, WeatherType, dates_of, read_question
from genesis_lib.errors import ModelError
from genesis_lib.llm.openai import model_from_settings
from genesis_lib.llm.port import ChatModel
from genesis_lib.monitored_agent import MonitoredAgent
from genesis_lib.settings import Settings, load_settings

logger = logging.getLogger(__name__)

_REMEMBERED_CONVERSATIONS = 1024
_MODEL_SHARE = 0.5  # of the time that is left; the weather service has the rest
_ERROR = -1
_DEFAULT_DAY = {WeatherType.FORECAST: Day.NEXT_DAYS, WeatherType.PRECIPITATION: Day.NEXT_TWO_DAYS}
_WHICH_PLACE = 'Which place do you mean? Name a town, for example "Will it rain tomorrow in Monument, Colorado?"'


class BeyondForecast(WeatherError):
    """The day that was asked for is past, or beyond the forecast, or named in a way that cannot be read."""


@dataclass(frozen=True, slots=True)
class _Turn:
    place: Place
    question: WeatherQuestion


class OpenWeatherMapAgent(MonitoredAgent):
    """Answers questions about the weather: now, in the next five days, alerts, temperature, rain and snow.

    The place is what OpenWeatherMap's geocoding confirms of the words of the request, or of what a language model reads
    in it where one is configured. A request that names none is about the place of the conversation so far.

    Replies have the metadata location, weather_type (a capability's name) and source ("openweathermap" or "sample");
    status is -1 where there is no answer, and the message says why.

    Args:
        api_key: the setting openweathermap_api_key (OPENWEATHERMAP_API_KEY) by default. Without one the answers are sample
            data, and say so.
        base_url: of the API; the setting openweathermap_base_url (OPENWEATHERMAP_BASE_URL) by default.
        timeout_seconds: for one question to the API.
        agent_id, service_instance_tag, settings: as in MonitoredAgent.
        model: reads the requests; by default the one that the settings name, if they do. Stays the caller's to close.

    Raises:
        ConfigError: a name, the key or the base URL cannot be used.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        agent_id: str | None = None,
        service_instance_tag: str | None = None,
        settings: Settings | None = None,
        model: ChatModel | None = None,
    ) -> None:
        in_force = settings or load_settings()
        super().__init__(
            "WeatherExpert",
            "WeatherService",
            service_instance_tag,
            agent_id,
            enable_agent_communication=True,
            description="Answers questions about the weather anywhere: current weather, five-day forecast, temperature, "
            "rain and snow, weather alerts.",
            settings=in_force,
        )
        self._sample = SampleWeather()
        key = in_force.openweathermap_api_key if api_key is None else api_key
        url = base_url or in_force.openweathermap_base_url or OPENWEATHERMAP_BASE_URL
        self._source: WeatherSource = OpenWeatherMapClient(key, url, timeout_seconds) if key.strip() else self._sample
        self._own_model = model_from_settings(in_force) if model is None else None
        self._model = model or self._own_model
        self._model_timeout = in_force.model_timeout_seconds
        self._turns: OrderedDict[str, _Turn] = OrderedDict()

    def get_agent_capabilities(self) -> dict[str, Any]:
        """See GenesisAgent."""
        return {
            "agent_type": "specialized",
            "specializations": ["weather", "meteorology"],
            "capabilities": [weather_type.value for weather_type in WeatherType],
            "classification_tags": ["weather", "forecast", "temperature", "rain", "snow", "wind", "storm", "climate"],
            "model_info": {"source": self._source.name},
            "default_capable": False,
            "performance_metrics": {},
        }

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a question about the weather."""
        conversation_id = request.get("conversation_id", "")
        earlier = self._turns.get(conversation_id)
        try:
            turn = await self._understand(request["message"], request.get("timeout_seconds"), earlier)
        except WeatherError as error:
            return self._reply(str(error), status=_ERROR)
        self._remember(conversation_id, turn)
        weather_type, day = turn.question.settled()
        try:
            status, text = 0, await self._answer(turn.place, weather_type, day)
            if self._source.name == "sample":
                text = f"{text} ({SAMPLE_NOTE})"
        except WeatherError as error:
            status, text = _ERROR, str(error)
        return self._reply(text, turn.place.label, weather_type, status=status)

    async def close(self) -> None:
        """Leave the bus and let go of connections."""
        try:
            await super().close()
        finally:
            await self._source.close()
            if self._own_model is not None:
                await self._own_model.close()

    async def _understand(self, text: str, seconds_left: float | None, earlier: _Turn | None) -> _Turn:
        reading = await self._read_with_model(text, seconds_left)
        if reading is not None:
            place, question = await self._locate_phrase(reading.place, earlier), reading.question
        else:
            place, rest = await self._locate(text, earlier)
            question = read_question(rest)
        return _Turn(place, question.completed(earlier.question) if earlier is not None else question)

    async def _read_with_model(self, text: str, seconds_left: float | None) -> ModelReading | None:
        if self._model is None:
            return None
        limit = self._model_timeout if seconds_left is None else min(self._model_timeout, seconds_left * _MODEL_SHARE)
        try:
            return await read_with_model(self._model, text, timeout_seconds=limit)
        except ModelError as error:
            logger.info("the request is read by its words, the model did not read it: %s", error)
            return None

    async def _locate_phrase(self, phrase: str, earlier: _Turn | None) -> Place:
        """The place that a phrase names, all of which is meant to be a place."""
        if phrase:
            return await find_named(phrase, self._source.geocode) or self._unknown(phrase)
        if earlier is None:
            raise PlaceNotFound(_WHICH_PLACE)
        return earlier.place

    async def _locate(self, text: str, earlier: _Turn | None) -> tuple[Place, str]:
        """The place that some words of a request name, and the other words."""
        found = await find_place(text, self._source.geocode, least_strength=0 if earlier is None else CAPITAL)
        if found is not None:
            return found.place, found.rest
        unconfirmed = likeliest(text)
        if unconfirmed is not None and unconfirmed.strength >= STRONG:
            return self._unknown(unconfirmed.phrase), text
        if earlier is not None:
            return earlier.place, text
        if unconfirmed is not None and unconfirmed.strength >= CAPITAL and self._source is self._sample:
            return self._unknown(unconfirmed.phrase), text
        raise PlaceNotFound(_WHICH_PLACE)

    def _unknown(self, phrase: str) -> Place:
        if self._source is self._sample:
            return self._sample.anywhere(phrase)
        raise PlaceNotFound(
            f"OpenWeatherMap knows no place called {phrase!r}: check the spelling, or name a town near it"
        )

    async def _answer(self, place: Place, weather_type: WeatherType, day: Day | None) -> str:
        if weather_type is WeatherType.ALERTS and day is not Day.ANOTHER:
            return tell_alerts(place.label, await self._source.alerts(place))
        if (
            day is Day.NOW
            or weather_type is WeatherType.CURRENT
            or (weather_type, day) == (WeatherType.TEMPERATURE, None)
        ):
            return tell_now(place.label, weather_type, await self._source.current_weather(place))
        forecast = await self._source.forecast(place)
        today = (datetime.now(UTC) + timedelta(seconds=forecast.timezone)).date()
        dates = dates_of(day or _DEFAULT_DAY[weather_type], today)
        text = tell_days(place.label, weather_type, forecast, dates, today)
        if text is None and day is Day.TODAY:  # late in the evening no step of the forecast begins today
            return tell_now(place.label, weather_type, await self._source.current_weather(place))
        if text is None:
            raise BeyondForecast(
                f"{place.label}: there is no answer for that day. What can be told is the current weather and that of the"
                f" next five days ({tell_reach(forecast)}): ask for now, today, tomorrow or a weekday in that time"
            )
        return text

    def _remember(self, conversation_id: str, turn: _Turn) -> None:
        if not conversation_id:
            return
        self._turns[conversation_id] = turn
        self._turns.move_to_end(conversation_id)
        if len(self._turns) > _REMEMBERED_CONVERSATIONS:
            self._turns.popitem(last=False)

    def _reply(
        self, text: str, location: str = "", weather_type: WeatherType | None = None, *, status: int
    ) -> dict[str, Any]:
        metadata = {
            "location": location,
            "weather_type": weather_type.value if weather_type else "",
            "source": self._source.name,
        }
        return {"message": text, "status": status, "metadata": metadata}
