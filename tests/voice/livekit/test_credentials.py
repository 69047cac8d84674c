from __future__ import annotations

import sys

import pytest

from genesis_lib.errors import ConfigError, VoiceError
from genesis_lib.settings import resolve_settings
from genesis_lib.voice.livekit.credentials import load_credentials
from genesis_lib.voice.livekit.server import LiveKitServer

SECRET = "a-secret-of-at-least-thirty-two-characters"
WHOLE = {"LIVEKIT_URL": "ws://127.0.0.1:7880", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": SECRET}


def test_those_of_the_environment() -> None:
    credentials = load_credentials(resolve_settings(WHOLE).settings)
    assert (credentials.url, credentials.api_key, credentials.api_secret) == tuple(WHOLE.values())
    assert SECRET not in repr(credentials)


@pytest.mark.parametrize("missing", [[name] for name in WHOLE] + [list(WHOLE)])
def test_each_that_is_missing_is_named_with_what_it_is(missing: list[str]) -> None:
    given = {name: value for name, value in WHOLE.items() if name not in missing}
    with pytest.raises(ConfigError) as caught:
        load_credentials(resolve_settings(given).settings)
    assert {name for name in WHOLE if f"{name}, " in str(caught.value)} == set(missing)
    assert SECRET not in str(caught.value)


def test_an_address_that_is_none() -> None:
    with pytest.raises(ConfigError, match="LIVEKIT_URL is 'localhost:7880'; it has to begin with ws://"):
        load_credentials(resolve_settings({**WHOLE, "LIVEKIT_URL": "localhost:7880"}).settings)


def test_what_is_not_installed_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit.api", None)
    with pytest.raises(VoiceError, match=r"pip install 'genesis-lib\[livekit\]'"):
        LiveKitServer(load_credentials(resolve_settings(WHOLE).settings))
