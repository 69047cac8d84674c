"""Warnings that a peer can cause without end."""

from __future__ import annotations

import logging

import pytest

from genesis_lib.log_limit import LimitedWarnings


def test_each_source_has_its_share(caplog: pytest.LogCaptureFixture) -> None:
    warnings = LimitedWarnings(logging.getLogger("genesis_lib.test"))
    for number in range(1000):
        warnings.warn("mallory", "refused %d", number)
    warnings.warn("alice", "refused %s", "one")
    assert caplog.messages[:20] == [f"refused {number}" for number in range(20)]
    assert len(caplog.messages) < 30
    assert caplog.messages[-1] == "refused one"


def test_what_is_left_out_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("genesis_lib.log_limit.time.monotonic", lambda: now)
    warnings = LimitedWarnings(logging.getLogger("genesis_lib.test"))
    for _ in range(25):
        warnings.warn("mallory", "refused")
    now = 1.0
    warnings.warn("mallory", "refused")
    assert caplog.messages == ["refused"] * 20 + ["refused (5 like it were not logged)"]


def test_sources_without_end_are_forgotten() -> None:
    warnings = LimitedWarnings(logging.getLogger("genesis_lib.test"))
    for number in range(5000):
        warnings.warn(number, "refused")
    assert len(warnings._sources) <= 1024
