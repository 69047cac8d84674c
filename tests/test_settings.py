"""Settings: where a value comes from, and what is said when it cannot be used."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from genesis_lib import ConfigError, Settings, load_settings
from genesis_lib.settings import SECRETS, resolve_settings, variable_for

SECRET = "sk-do-not-show-this"
DEFAULTS = Settings.model_validate({})


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_defaults() -> None:
    resolved = resolve_settings({})
    assert resolved.settings == DEFAULTS
    assert resolved.settings.domain_id == 0
    assert resolved.settings.dds == "cyclone"
    assert resolved.settings.interfaces == ()
    assert set(resolved.origins) == set(Settings.model_fields)
    assert set(resolved.origins.values()) == {"default"}


def test_argument_goes_before_variable_before_file_before_default(tmp_path: Path) -> None:
    file = write(tmp_path / "some.toml", "domain_id = 3\nlease_seconds = 3.0\ngrace_seconds = 3\n")
    environment = {"GENESIS_CONFIG": file, "GENESIS_DOMAIN_ID": "2", "GENESIS_LEASE_SECONDS": "2.0"}
    resolved = resolve_settings(environment, domain_id=1)
    settings, origins = resolved.settings, resolved.origins
    assert (settings.domain_id, origins["domain_id"]) == (1, "argument")
    assert (settings.lease_seconds, origins["lease_seconds"]) == (2.0, "GENESIS_LEASE_SECONDS")
    assert (settings.grace_seconds, origins["grace_seconds"]) == (3.0, file)
    assert (settings.settle_seconds, origins["settle_seconds"]) == (1.0, "default")


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESIS_DOMAIN_ID", "7")
    assert load_settings().domain_id == 7
    assert load_settings(domain_id=8).domain_id == 8


def test_a_file_in_the_working_directory_is_read(tmp_path: Path) -> None:
    write(tmp_path / "genesis.toml", "max_queue = 5\n")
    resolved = resolve_settings({})
    assert (resolved.settings.max_queue, resolved.origins["max_queue"]) == (5, "genesis.toml")


def test_a_file_that_is_named_goes_before_the_one_that_lies_there(tmp_path: Path) -> None:
    write(tmp_path / "genesis.toml", "max_queue = 5\n")
    named = write(tmp_path / "named.toml", "max_queue = 6\n")
    assert resolve_settings({"GENESIS_CONFIG": named}).settings.max_queue == 6


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_variable(name: str) -> None:
    values = {
        "dds": "connext",
        "interfaces": "lo, eth0",
        "peers": "10.0.0.1",
        "log_level": "DEBUG",
        "model_name": "llama",
        "openai_api_key": SECRET,
        "openai_base_url": "http://127.0.0.1:1/v1",
        "max_message_bytes": "2048",
    }
    resolved = resolve_settings({variable_for(name): values.get(name, "50")})
    assert resolved.origins[name] == variable_for(name)
    assert [origin for origin in resolved.origins.values() if origin != "default"] == [variable_for(name)]
    assert getattr(resolved.settings, name) != getattr(DEFAULTS, name)


def test_variables_of_the_model_endpoint_are_those_everybody_uses() -> None:
    resolved = resolve_settings({"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"})
    assert resolved.settings.openai_api_key == SECRET
    assert resolved.settings.openai_base_url == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("text", "names"),
    [("lo", ("lo",)), ("lo,eth0", ("lo", "eth0")), (" lo , eth0 ,", ("lo", "eth0"))],
)
def test_lists_are_separated_by_commas(text: str, names: tuple[str, ...]) -> None:
    assert resolve_settings({"GENESIS_INTERFACES": text}).settings.interfaces == names


def test_lists_in_a_file_and_as_arguments(tmp_path: Path) -> None:
    write(tmp_path / "genesis.toml", 'interfaces = ["lo", "eth0"]\n')
    assert resolve_settings({}).settings.interfaces == ("lo", "eth0")
    assert resolve_settings({}, interfaces=["eth1"]).settings.interfaces == ("eth1",)


def test_empty_variables_and_none_count_as_not_given() -> None:
    resolved = resolve_settings({"GENESIS_DOMAIN_ID": "", "GENESIS_CONFIG": ""}, lease_seconds=None)
    assert resolved.settings == DEFAULTS
    assert set(resolved.origins.values()) == {"default"}


def test_a_value_of_nought_as_argument_is_given() -> None:
    resolved = resolve_settings({"GENESIS_DOMAIN_ID": "7"}, domain_id=0)
    assert (resolved.settings.domain_id, resolved.origins["domain_id"]) == (0, "argument")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GENESIS_DOMAIN_ID", "233"),
        ("GENESIS_DOMAIN_ID", "-1"),
        ("GENESIS_DOMAIN_ID", "zero"),
        ("GENESIS_DDS", "opensplice"),
        ("GENESIS_LEASE_SECONDS", "0"),
        ("GENESIS_LEASE_SECONDS", "nan"),
        ("GENESIS_REQUEST_TIMEOUT_SECONDS", "0"),
        ("GENESIS_REQUEST_TIMEOUT_SECONDS", "-1"),
        ("GENESIS_REQUEST_TIMEOUT_SECONDS", "inf"),
        ("GENESIS_POOL_IDLE_SECONDS", "nan"),
        ("GENESIS_MAX_QUEUE", "0"),
        ("GENESIS_MAX_QUEUE", "1.5"),
        ("GENESIS_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_bad_variable_is_named_with_its_field_and_value(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        resolve_settings({variable: value})
    text = str(raised.value)
    assert variable in text
    assert variable.removeprefix("GENESIS_").lower() in text
    assert repr(value) in text


def test_a_bad_value_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "some.toml", "domain_id = 999\n")
    with pytest.raises(ConfigError, match="domain_id") as raised:
        resolve_settings({"GENESIS_CONFIG": file})
    assert file in str(raised.value)
    assert "999" in str(raised.value)


def test_a_bad_argument_is_named() -> None:
    with pytest.raises(ConfigError, match="domain_id") as raised:
        resolve_settings({}, domain_id=999)
    assert "argument" in str(raised.value)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        resolve_settings({"GENESIS_DOMAIN_ID": "999", "GENESIS_MAX_QUEUE": "0"})
    assert "GENESIS_DOMAIN_ID" in str(raised.value)
    assert "GENESIS_MAX_QUEUE" in str(raised.value)


def test_an_unknown_name_in_a_file_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "some.toml", "domainid = 3\n")
    with pytest.raises(ConfigError, match="domainid") as raised:
        resolve_settings({"GENESIS_CONFIG": file})
    assert file in str(raised.value)


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(ConfigError, match="domainid"):
        load_settings(domainid=3)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml.*GENESIS_CONFIG"):
        resolve_settings({"GENESIS_CONFIG": str(tmp_path / "nowhere.toml")})


@pytest.mark.parametrize("content", [b"domain_id = ", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "some.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"some\.toml cannot be read"):
        resolve_settings({"GENESIS_CONFIG": str(file)})


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        resolve_settings({"GENESIS_CONFIG": str(tmp_path)})


def test_a_secret_is_not_shown() -> None:
    assert frozenset({"openai_api_key", "openweathermap_api_key", "livekit_api_secret"}) == SECRETS
    settings = load_settings(openai_api_key=SECRET)
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert settings.openai_api_key == SECRET


@pytest.mark.parametrize("wrong", [[SECRET], {"key": SECRET}, SECRET.encode() + b"\xff"], ids=["list", "dict", "bytes"])
def test_a_secret_of_the_wrong_type_is_not_shown_either(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="openai_api_key") as raised:
        load_settings(openai_api_key=wrong)
    assert SECRET not in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().domain_id = 5


def test_every_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
