"""Monitoring: events of calls and lifecycles on the monitoring topics."""
