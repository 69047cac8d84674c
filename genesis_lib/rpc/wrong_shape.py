"""What an application answered and cannot be sent: an error for the caller, and a warning in the agent's log."""

from __future__ import annotations

import logging

from genesis_lib.errors import RemoteAgentError
from genesis_lib.log_limit import LimitedWarnings

_warnings = LimitedWarnings(logging.getLogger(__name__))


def wrong_shape(who: str, problem: str) -> RemoteAgentError:
    """The error to raise; logs it as well."""
    text = f"{who} returned the wrong shape: {problem}"
    _warnings.warn(who, "%s", text)
    return RemoteAgentError(text, target=who)
