"""Asking for RTI Connext where it cannot be had: one clear error with the next step."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

OPEN = """
import asyncio, sys
if "--without-package" in sys.argv:
    sys.modules["rti"] = None
from genesis_lib.dds.open import open_participant
from genesis_lib.errors import ConfigError
from genesis_lib.settings import load_settings
try:
    asyncio.run(open_participant(load_settings(dds="connext", interfaces=("lo",))))
except ConfigError as error:
    print(error)
"""


def opened(folder: Path, *arguments: str, **variables: str) -> str:
    """What a process prints that asks for Connext. Nothing else may reach a person, neither traces nor the product's own."""
    checkout = str(Path(__file__).resolve().parents[2])
    environment = {name: value for name, value in os.environ.items() if name not in ("NDDSHOME", "RTI_LICENSE_FILE")}
    ran = subprocess.run(
        [sys.executable, "-c", OPEN, *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": checkout} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    assert ran.stdout.count("\n") == 1
    return ran.stdout


def test_a_missing_package_names_the_extra_to_install(tmp_path: Path) -> None:
    assert "pip install 'genesis-lib[connext]'" in opened(tmp_path, "--without-package")


@pytest.mark.skipif(importlib.util.find_spec("rti") is None, reason="RTI Connext is not installed")
def test_a_missing_licence_names_the_variable_to_set(tmp_path: Path) -> None:
    said = opened(tmp_path)
    assert "finds no valid licence (RTI_LICENSE_FILE is not set)" in said
    assert "set RTI_LICENSE_FILE to the path of your rti_license.dat, or use GENESIS_DDS=cyclone" in said


@pytest.mark.skipif(importlib.util.find_spec("rti") is None, reason="RTI Connext is not installed")
def test_a_licence_that_does_not_hold_is_named(tmp_path: Path) -> None:
    licence = tmp_path / "rti_license.dat"
    licence.write_text("no licence")
    assert f"finds no valid licence (RTI_LICENSE_FILE is {licence})" in opened(tmp_path, RTI_LICENSE_FILE=str(licence))
