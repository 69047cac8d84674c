"""MonitoredAgent and MonitoredInterface: the same with monitoring switched on."""

from __future__ import annotations

from typing import Any

from genesis_lib.agent import GenesisAgent
from genesis_lib.interface import GenesisInterface
from genesis_lib.monitoring.bus_monitor import BusMonitor
from genesis_lib.monitoring.monitor import Monitor


class MonitoredAgent(GenesisAgent):
    """A GenesisAgent whose requests, replies, connections and lifecycle are events on the monitoring topic."""

    def _make_monitor(self) -> Monitor:
        return BusMonitor(self.app.agent_id, "agent", self.agent_name)

    async def send_agent_request_monitored(
        self,
        target_agent_id: str,
        message: str,
        conversation_id: str | None = None,
        timeout_seconds: float = 10.0,
        **options: Any,
    ) -> dict[str, Any] | None:
        """`send_agent_request`: every request of a MonitoredAgent is monitored, by whichever name it is sent."""
        return await self.send_agent_request(target_agent_id, message, conversation_id, timeout_seconds, **options)


class MonitoredInterface(GenesisInterface):
    """A GenesisInterface whose requests and replies are events on the monitoring topic."""

    def _make_monitor(self) -> Monitor:
        return BusMonitor(self.app.agent_id, "interface", self.interface_name)
