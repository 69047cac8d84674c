"""The weather specialist, as a process of its own: `python examples/weather_agent.py`, Ctrl-C ends it.

With OPENWEATHERMAP_API_KEY set its answers are live, without they are sample data and say so.
"""

import asyncio

from genesis_lib.agents.weather import OpenWeatherMapAgent

if __name__ == "__main__":
    asyncio.run(OpenWeatherMapAgent().run())
