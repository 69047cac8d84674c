"""The optional packages of speech, imported when they are first needed."""

from __future__ import annotations

import importlib
from typing import Any

from genesis_lib.errors import VoiceError


def load(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    Raises:
        VoiceError: it is not installed; names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise VoiceError(f"{module} cannot be imported ({error}): pip install 'genesis-lib[{extra}]'") from error
