from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadlines: how long an example takes says something about the machine only.
settings.register_profile("dds", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dds")
