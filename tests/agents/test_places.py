"""Places found in requests: spans proposed, the real geocoding client on a real server decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.agents.openweathermap import ApiKeyRefused, OpenWeatherMapClient
from genesis_lib.agents.places import CAPITAL, MAX_QUERIES, candidates, find_named, find_place, likeliest, tokenise
from genesis_lib.agents.sample_weather import SAMPLE_PLACES, SamplePlace
from genesis_lib.agents.weather_data import Place
from genesis_lib.testing import WeatherServer
from genesis_lib.testing.weather_server import GEOCODING
from tests.agents.conftest import KEY

REQUESTS = [
    ("Monument, Colorado", "Monument, Colorado, US"),
    ("What will the weather be like tomorrow in Monument, Colorado?", "Monument, Colorado, US"),
    ("Will I need an umbrella in Monument, Oregon?", "Monument, Oregon, US"),
    ("weather in Monument Colorado", "Monument, Colorado, US"),
    ("weather in monument, colorado tomorrow", "Monument, Colorado, US"),
    ("Weather in Monument, CO?", "Monument, Colorado, US"),
    ("In Monument, Colorado, will it rain?", "Monument, Colorado, US"),
    ("Monument, Colorado: do I need a coat?", "Monument, Colorado, US"),
    ("New York", "New York, US"),
    ("new york weather", "New York, US"),
    ("weather in new york tomorrow", "New York, US"),
    ("WEATHER IN NEW YORK", "New York, US"),
    ("Will New York see snow this weekend?", "New York, US"),
    ("How warm is it in New York, New York, right now?", "New York, US"),
    ("Forecast for York please", "York, England, GB"),
    ("Rio de Janeiro", "Rio de Janeiro, BR"),
    ("how is the weather in rio de janeiro on friday", "Rio de Janeiro, BR"),
    ("Is Rio de Janeiro's beach weather good today?", "Rio de Janeiro, BR"),
    ("Paris weather?", "Paris, Ile-de-France, FR"),
    ("paris", "Paris, Ile-de-France, FR"),
    ("What's Paris's weather like?", "Paris, Ile-de-France, FR"),
    ("Weather in Paris, France", "Paris, Ile-de-France, FR"),
    ("Weather in Paris, Texas", "Paris, Texas, US"),
    ("weather in Paris Texas tomorrow", "Paris, Texas, US"),
    ("Is it hot in Paris in Texas?", "Paris, Texas, US"),
    ("London, Ontario today", "London, Ontario, CA"),
    ("Is it snowing in London, Ontario, Canada?", "London, Ontario, CA"),
    ("I am in London. Will it rain?", "London, England, GB"),
    ("Springfield, Massachusetts", "Springfield, Massachusetts, US"),
    ("is it raining in São Paulo right now", "São Paulo, BR"),
    ("is it raining in sao paulo", "São Paulo, BR"),
    ("weekend in Zürich?", "Zurich, CH"),
    ("Weather in Londres", "London, England, GB"),
    ("Weather in 東京", "Tokyo, JP"),
    ("how hot is it in Hot Springs?", "Hot Springs, Arkansas, US"),
    ("Hot Springs weather", "Hot Springs, Arkansas, US"),
    ("Please tell my friend Anna what the temperature in Boston is", "Boston, Massachusetts, US"),
    ("I'll be in Oslo, don't I need a coat?", "Oslo, NO"),
    ("Doesn\u2019t it rain in Boston?", "Boston, Massachusetts, US"),
    ("What should I wear for a morning walk around Oslo?", "Oslo, NO"),
]


@pytest.mark.parametrize(("request_text", "label"), REQUESTS)
async def test_the_place_is_found(client: OpenWeatherMapClient, request_text: str, label: str) -> None:
    found = await find_place(request_text, client.geocode)
    assert found is not None
    assert found.place.label == label


@pytest.mark.parametrize(("request_text", "label"), REQUESTS)
async def test_few_questions_are_asked(
    client: OpenWeatherMapClient, weather_server: WeatherServer, request_text: str, label: str
) -> None:
    await find_place(request_text, client.geocode)
    assert 1 <= len(weather_server.queries(GEOCODING)) <= 8


NAMES = ["Cape Town", "Cape", "Town", "Mexico City", "Mexico", "Ho Chi Minh City", "Ho", "Minh", "The Hague", "Hague"]
NAMES += ["Isle of Man", "Man", "Salt Lake City", "Salt Lake", "Salt", "Lake City", "Hot Springs", "Springs"]
NAMES += ["Burton upon Trent", "Trent", "King of Prussia", "Prussia", "Can Tho", "Tho", "Sun City"]
WHOLE_NAMES = [name for name in NAMES if " " in name and name not in ("Sun City", "Salt Lake", "Lake City")]


def made_up(name: str) -> SamplePlace:
    known = SAMPLE_PLACES[0]
    return replace(known, place=Place(name=name, lat=float(NAMES.index(name)), lon=0.0, country="XX", state="Utah"))


@pytest.fixture
async def atlas() -> AsyncIterator[OpenWeatherMapClient]:
    """Knows names of several words, and the shorter names within them."""
    async with (
        WeatherServer(KEY, [made_up(name) for name in NAMES]) as server,
        OpenWeatherMapClient(KEY, server.base_url, timeout_seconds=5) as client,
    ):
        yield client


@pytest.mark.parametrize("change_case", [str, str.lower, str.upper], ids=["as it is", "lower", "upper"])
@pytest.mark.parametrize(
    "request_text",
    [
        "{}",
        "{}?",
        "{}, Utah",
        "{} forecast",
        "{} weather tomorrow",
        "Weather {}",
        "weather in {}",
        "Weather in {}, Utah",
        "What's the weather like in {} tomorrow morning, please?",
        "Will it rain in {} on Friday or in the evening?",
        "Will {} see any snow this week?",
        "Should I bring a coat to {} today?",
    ],
)
@pytest.mark.parametrize("name", WHOLE_NAMES)
async def test_a_name_of_several_words_is_not_cut(
    atlas: OpenWeatherMapClient, name: str, request_text: str, change_case: Callable[[str], str]
) -> None:
    for text in (change_case(request_text.format(name)), request_text.format(change_case(name))):
        found = await find_place(text, atlas.geocode)
        assert found is not None
        assert found.place.name == name


@pytest.mark.parametrize(
    "request_text", ["in Sun City", "Is it hot in Sun City now?", "sun city, utah", "Weather in SUN CITY, Utah"]
)
async def test_common_words_are_a_name_where_case_or_region_say_so(
    atlas: OpenWeatherMapClient, request_text: str
) -> None:
    found = await find_place(request_text, atlas.geocode)
    assert found is not None
    assert found.place.name == "Sun City"


@pytest.mark.parametrize("change_case", [str, str.lower, str.upper], ids=["as it is", "lower", "upper"])
@pytest.mark.parametrize("region", ["", ", Utah", " Utah"])
@pytest.mark.parametrize("name", [name for name in NAMES if " " in name])
async def test_a_phrase_is_taken_whole(
    atlas: OpenWeatherMapClient, name: str, region: str, change_case: Callable[[str], str]
) -> None:
    place = await find_named(change_case(name + region), atlas.geocode)
    assert place is not None
    assert place.name == name


@pytest.mark.parametrize("phrase", ["Cape Xyzzy", "Mexico Xyzzy, Utah", "Xyzzy Lake City", "?", "the Town"])
async def test_part_of_a_phrase_is_not_enough(atlas: OpenWeatherMapClient, phrase: str) -> None:
    assert await find_named(phrase, atlas.geocode) is None


async def test_a_name_alone_is_looked_for_in_a_conversation(client: OpenWeatherMapClient) -> None:
    found = await find_place("boston?", client.geocode, least_strength=CAPITAL)
    assert found is not None
    assert found.place.name == "Boston"


@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "?!",
        "hello",
        "And tomorrow?",
        "What about Friday?",
        "will it rain?",
        "Is it nice today?",
        "in the morning",
        "I'll need what?",
    ],
)
async def test_no_place_is_named(
    client: OpenWeatherMapClient, weather_server: WeatherServer, request_text: str
) -> None:
    assert await find_place(request_text, client.geocode) is None
    assert len(weather_server.queries(GEOCODING)) <= 1


@pytest.mark.parametrize("request_text", ["Weather in Xyzzy", "Will it rain in New Xyzzy City, Colorado?"])
async def test_a_place_nobody_knows_is_not_found_but_proposed(client: OpenWeatherMapClient, request_text: str) -> None:
    assert await find_place(request_text, client.geocode) is None
    proposed = likeliest(request_text)
    assert proposed is not None
    assert "Xyzzy" in proposed.phrase


async def test_the_words_of_the_place_are_taken_out(client: OpenWeatherMapClient) -> None:
    found = await find_place("How hot is it in Hot Springs, Arkansas tomorrow?", client.geocode)
    assert found is not None
    assert found.rest.split() == ["How", "hot", "is", "it", "in", "tomorrow?"]


async def test_weak_spans_can_be_left_out(client: OpenWeatherMapClient) -> None:
    assert await find_place("what about boston", client.geocode, least_strength=CAPITAL) is not None
    assert await find_place("weather boston", client.geocode, least_strength=CAPITAL) is None


async def test_the_number_of_questions_is_bounded(client: OpenWeatherMapClient, weather_server: WeatherServer) -> None:
    text = " and ".join(f"in Nowhere{n} City{n} Town{n}, Colorado" for n in range(500))
    assert await find_place(text, client.geocode) is None
    assert len(weather_server.queries(GEOCODING)) == MAX_QUERIES


async def test_what_the_geocoder_raises_comes_through(weather_server: WeatherServer) -> None:
    async with OpenWeatherMapClient("not-the-key", weather_server.base_url) as client:
        with pytest.raises(ApiKeyRefused):
            await find_place("Rain in New York or Rio de Janeiro?", client.geocode)


@given(st.text(max_size=300) | st.text(alphabet="aB ,.'\u2019?In\n9", max_size=60))
def test_spans_are_parts_of_any_text(text: str) -> None:
    for token in tokenise(text):
        assert text[token.start : token.end] == token.text
    strengths = [candidate.strength for candidate in candidates(text)]
    assert strengths == sorted(strengths, reverse=True)
    for candidate in candidates(text):
        assert candidate.name
        assert len(candidate.queries) <= 3
        assert text[candidate.tokens[0].start : candidate.tokens[-1].end]


@pytest.mark.parametrize("known", SAMPLE_PLACES, ids=lambda known: known.place.label)
async def test_every_place_of_the_server_is_found_by_its_label(
    client: OpenWeatherMapClient, known: SamplePlace
) -> None:
    label = known.place.label
    found = await find_place(f"Will it rain in {label} tomorrow?", client.geocode)
    assert found is not None
    assert found.place.label == label
