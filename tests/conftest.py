"""Options of the whole suite: the long versions of tests, and where the fault suite writes what it measured. And what the
library logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.log_watch import LogWatch
from tests.resilience.record import RecordFile


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("genesis_lib")
    group.addoption("--long", action="store_true", help="many trials of each fault, and the tests marked long")
    group.addoption("--soak-seconds", type=float, help="how long the soak runs (20 s, with --long an hour)")
    group.addoption("--reliability-json", type=Path, metavar="FILE", help="write what the fault suite measured")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes; runs with --long only")
    path = config.getoption("--reliability-json")
    if path is not None and not hasattr(config, "workerinput"):  # workers of pytest-xdist send theirs to the controller
        config.pluginmanager.register(RecordFile(path.absolute()))  # tests change the directory


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; run with --long"))


@pytest.fixture
def log_watch() -> Iterator[LogWatch]:
    """What the library logs in this process."""
    watch = LogWatch()
    logging.getLogger("genesis_lib").addHandler(watch)
    yield watch
    logging.getLogger("genesis_lib").removeHandler(watch)
