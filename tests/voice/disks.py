"""Disks that are full soon."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def small_disk(folder: Path) -> tuple[str, ...]:
    """What is put before a command so that it sees a disk of 256 KiB there."""
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=256k none {folder}"
    prefix = ("unshare", "--mount", "--map-root-user", "sh", "-c", f'{mount} && exec "$@"', "sh")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a file system of one's own cannot be mounted here")
    return prefix
