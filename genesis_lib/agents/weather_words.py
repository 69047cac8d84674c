"""English words that requests about the weather are made of, apart from the place. Folded, as `regions.fold` does it."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILLER_WORDS = _words(
    """
    a about according actually again ago all almost also am an and any anything are aren around as ask at away be because
    been before being below best between both bring but by can check city could country couple currently day days do does
    doesn doing don done down during each either else enough even ever every expect expected few find for from get gets
    getting give given go going good had has have having he hello help her here hey hi him his hour hours how i if in
    info information into is isn it its just know last later let like likely local look looking looks may maybe me might
    moment more most much must my near need next no not now of off on one only or other our out outside over past per place
    plan planning please possible present pretty previous probably quite re really report right say see several shall she should
    shouldn show since so some somebody someone something soon still take tell than thank thanks that the their them
    then there these they thing things think this those through till time to too town travel trip under until up
    update us use usual very visit visiting want was wasn way we wear were what whats when where whether which while
    who why will wish with within without won wonder wondering would wouldn yes you your
    """
)
"""Words that are no place's name by themselves, though part of some: "Cape Town", "The Hague"."""

CALENDAR_WORDS = _words(
    """
    today tonight tomorrow yesterday morning mornings noon midday afternoon evening evenings night midnight week weeks weekend
    month year minute minutes monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri sat sun
    years days months january february march april june july august september october november december spring summer
    autumn winter jan feb apr jun jul aug sep sept oct nov dec christmas easter am pm two three four five six seven eight
    nine ten
    """
)

ALERT_WORDS = _words("alert alerts warning warnings advisory advisories hazard hazards")
PRECIPITATION_WORDS = _words(
    """
    rain rains rained raining rainy rainfall raincoat snow snows snowed snowing snowy snowfall precipitation umbrella umbrellas
    drizzle drizzling shower showers sleet hail hailing wet dry downpour
    """
)
TEMPERATURE_WORDS = _words(
    """
    temperature temperatures temp temps degree degrees celsius fahrenheit hot hotter cold colder warm warmer cool cooler chilly
    freezing freeze frost heat thermometer
    """
)
FORECAST_WORDS = _words("forecast forecasts forecasted outlook week")
GENERAL_WORDS = _words(
    """
    weather climate condition conditions sky skies sun sunny sunshine cloud clouds cloudy overcast fog foggy mist misty wind
    winds windy breeze breezy gust gusts storm storms stormy thunder thunderstorm thunderstorms lightning humid humidity clear
    mild nice beautiful lovely bad
    """
)
NOW_WORDS = _words("now currently moment presently")

WEATHER_WORDS = ALERT_WORDS | PRECIPITATION_WORDS | TEMPERATURE_WORDS | FORECAST_WORDS | GENERAL_WORDS
"""Words that name a place only with a capital, as in "Hot Springs"."""
