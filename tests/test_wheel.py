"""The wheel, not the checkout: what users install finds its files and answers a call."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface

ROOT = Path(__file__).parents[1]
CONFIGURATION = ("datamodel.xml", "qos.xml")
AGENT = """\
from genesis_lib import GenesisAgent

class Greeter(GenesisAgent):
    def __init__(self, **options):
        super().__init__("Greeter", "GreeterService", enable_agent_communication=True, **options)

    async def process_request(self, request):
        return {"message": f"hello {request['message']}"}
"""
WHERE = """\
import genesis_lib
from genesis_lib.dds.datamodel import config_file, struct
from genesis_lib.dds.qos import profile
print(genesis_lib.__file__)
for name in ("datamodel.xml", "qos.xml"):
    print(config_file(name))
assert struct("AgentCapability").members and profile("Rpc").writer.reliable
"""
CALL = """\
import asyncio
from genesis_lib import GenesisInterface

async def main():
    async with GenesisInterface("caller") as bus:
        reply = await bus.request_agent("Greeter", "from the wheel", timeout_seconds=20, wait=True)
        print(reply["message"])

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    command = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, text=True)
    return folder


def environment(installed: Path, *folders: Path) -> Mapping[str, str]:
    """For `python -S`, which reads no .pth file: the installed wheel, its dependencies, and the checkout nowhere."""
    path = [str(installed), *map(str, folders), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1"}


def test_what_the_wheel_holds(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"genesis_lib/config/{name}" for name in CONFIGURATION} <= set(names)
    assert "genesis_lib/py.typed" in names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "genesis_lib").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    tables = {str(path.relative_to(ROOT)) for path in (ROOT / "genesis_lib" / "voice").rglob("*.toml")}
    assert tables
    assert {name for name in names if name.endswith(".toml")} == tables
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"genesis_lib"}
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "genesis = genesis_lib.cli:main" in zipfile.ZipFile(wheel).read(entry_points).decode()


def test_the_configuration_is_found_inside_the_wheel(installed: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-S", "-c", WHERE],
        cwd=tmp_path,
        env=environment(installed),
        capture_output=True,
        text=True,
        check=True,
    )
    library, *configuration = map(Path, result.stdout.split())
    assert library == installed / "genesis_lib" / "__init__.py"
    assert configuration == [installed / "genesis_lib" / "config" / name for name in CONFIGURATION]


@asynccontextmanager
async def greeter(installed: Path, folder: Path) -> AsyncIterator[None]:
    """An agent in a process that has the wheel only."""
    (folder / "greeter.py").write_text(AGENT)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-S", "-m", "genesis_lib.testing.host", "greeter:Greeter", "{}"),
        cwd=folder,
        env=environment(installed, folder),
        stdin=subprocess.PIPE,  # the host ends with it
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert (await process.stdout.readline()).startswith(b"READY ")
        yield
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_two_processes_with_the_wheel_call_each_other(
    installed: Path, tmp_path: Path, genesis_domain: int
) -> None:
    async with greeter(installed, tmp_path):
        caller = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", "-c", CALL), cwd=tmp_path, env=environment(installed), stdout=subprocess.PIPE
        )
        output, _ = await caller.communicate()
        assert (caller.returncode, output.decode().strip()) == (0, "hello from the wheel")


async def test_the_wheel_and_the_checkout_speak_the_same(installed: Path, tmp_path: Path, genesis_domain: int) -> None:
    async with greeter(installed, tmp_path), GenesisInterface("from the checkout") as bus:
        reply = await bus.request_agent("Greeter", "checkout", timeout_seconds=20, wait=True)
        assert reply["message"] == "hello checkout"
