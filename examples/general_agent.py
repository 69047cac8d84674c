"""The agent for everything, as a process of its own: `python examples/general_agent.py`, Ctrl-C ends it.

With OPENAI_API_KEY or OPENAI_BASE_URL set a language model picks the specialist for each request.
"""

import asyncio

from genesis_lib.agents.general import SmartGeneralAgent

if __name__ == "__main__":
    asyncio.run(SmartGeneralAgent().run())
