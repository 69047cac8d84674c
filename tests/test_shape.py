"""The architecture is executable: who may import whom, and what the library's code never does."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "genesis_lib"

# Imports point down: a module may import from its own layer and from those before it.
LAYERS: dict[str, tuple[str, ...]] = {
    "ground": (
        "errors",
        "messages",
        "events",
        "settings",
        "tracing",
        "context",
        "identity",
        "shared",
        "running",
        "toml_file",
        "log_limit",
        "unwinding",
        "handle_each",
        "memo",
    ),
    "dds": ("dds",),
    "machinery": ("rpc", "discovery", "monitoring", "llm", "security", "memory"),
    "face": (
        "agent",
        "agent_classifier",
        "agent_communication",
        "app",
        "attempts",
        "caller",
        "capabilities",
        "conversation",
        "interface",
        "member",
        "monitored_agent",
        "request_handler",
        "service",
    ),
    "package": ("",),
    "edge": ("agents", "cli", "testing", "voice", "web"),
}
RANK = {room: rank for rank, rooms in enumerate(LAYERS.values()) for room in rooms}
LAYER_OF = {room: layer for layer, rooms in LAYERS.items() for room in rooms}
PRODUCTS = {"cyclonedds", "rti"}
HEAVY = ("cyclonedds", "rti", "openai", "aiohttp", "jsonschema", "rich", "click")


@dataclass(frozen=True)
class Import:
    """One import in the library's code. `deferred` stands inside a function, `typing_only` below TYPE_CHECKING."""

    importer: str
    imported: str
    line: int
    deferred: bool
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    """The library's modules by name, parsed."""
    return {
        module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path))
        for path in sorted(LIBRARY.rglob("*.py"))
    }


def room(module: str) -> str:
    """The part of the library a module belongs to: the name below genesis_lib."""
    return module.removeprefix("genesis_lib").removeprefix(".").partition(".")[0]


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for name, tree in modules().items() for found in _imports_in(name, tree, False, False))


def _imports_in(module: str, node: ast.AST, deferred: bool, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                for name in names:
                    yield Import(module, name.name, child.lineno, deferred, typing_only)
            case ast.ImportFrom(level=level, module=source, names=names):
                assert level == 0, f"{module}:{child.lineno} imports relatively"
                for name in names:
                    submodule = f"{source}.{name.name}"
                    target = submodule if submodule in modules() else str(source)
                    yield Import(module, target, child.lineno, deferred, typing_only)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=otherwise):
                for statement in body:
                    yield from _imports_in(module, ast.Module([statement], []), deferred, True)
                for statement in otherwise:
                    yield from _imports_in(module, ast.Module([statement], []), deferred, typing_only)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from _imports_in(module, child, True, typing_only)
            case _:
                yield from _imports_in(module, child, deferred, typing_only)


def inner_imports(*, typing_only: bool) -> list[Import]:
    """Imports of the library's own modules."""
    return [
        found
        for found in imports()
        if found.typing_only is typing_only and found.imported.partition(".")[0] == "genesis_lib"
    ]


def test_every_module_has_its_place() -> None:
    assert sorted({room(module) for module in modules()} - set(RANK)) == []


def upward(found: list[Import]) -> list[str]:
    return [
        f"{import_} ({LAYER_OF[room(import_.importer)]} -> {LAYER_OF[room(import_.imported)]})"
        for import_ in found
        if RANK[room(import_.imported)] > RANK[room(import_.importer)]
    ]


def test_imports_point_down() -> None:
    assert upward(inner_imports(typing_only=False)) == []


def test_imports_for_type_checkers_point_down_too() -> None:
    assert upward(inner_imports(typing_only=True)) == []


def cycle_in(found: list[tuple[str, str]]) -> str:
    """A cycle among importers and what they import, "" when there is none."""
    graph: dict[str, set[str]] = {}
    for importer, imported in found:
        graph.setdefault(importer, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " -> ".join(error.args[1])
    return ""


def test_no_import_cycles() -> None:
    """What loads a module on first use, inside a function, closes no cycle between modules."""
    found = [import_ for import_ in inner_imports(typing_only=False) if not import_.deferred]
    assert cycle_in([(import_.importer, import_.imported) for import_ in found]) == ""


def test_no_cycles_between_rooms() -> None:
    found = [(room(import_.importer), room(import_.imported)) for import_ in inner_imports(typing_only=False)]
    assert cycle_in([(importer, imported) for importer, imported in found if importer != imported]) == ""


def test_only_the_dds_room_knows_a_dds_product() -> None:
    assert [
        str(found)
        for found in imports()
        if found.imported.partition(".")[0] in PRODUCTS and room(found.importer) != "dds"
    ] == []


def test_above_the_port_nobody_knows_an_adapter() -> None:
    adapters = tuple(f"genesis_lib.dds.{product}" for product in ("cyclone", "connext"))
    assert [
        str(found)
        for found in inner_imports(typing_only=False) + inner_imports(typing_only=True)
        if found.imported.startswith(adapters) and room(found.importer) != "dds"
    ] == []


def test_the_port_imports_nothing_of_ours() -> None:
    assert [str(found) for found in inner_imports(typing_only=False) if found.importer == "genesis_lib.dds.port"] == []


def places(kind: type[ast.AST], *, outside: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.AST]]:
    for name, tree in modules().items():
        if room(name) not in outside:
            for node in ast.walk(tree):
                if isinstance(node, kind):
                    yield f"{name}:{getattr(node, 'lineno', 0)}", node


def called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def test_no_hasattr_on_self() -> None:
    probes = [
        where
        for where, node in places(ast.Call)
        if called(node) == "hasattr" and isinstance(node, ast.Call) and ast.unparse(node.args[0]) == "self"
    ]
    assert probes == []


def test_no_print() -> None:
    assert [where for where, node in places(ast.Call, outside=("cli",)) if called(node) in ("print", "pprint")] == []


def test_no_blocking_sleep() -> None:
    assert [where for where, node in places(ast.Call) if called(node) in ("time.sleep", "sleep")] == []
    assert [str(found) for found in imports() if found.imported == "time.sleep"] == []


def test_no_polling() -> None:
    """A sleep inside a loop is a poll, unless the loop yields: then it paces a stream."""
    loops = [
        (where, loop)
        for kind in (ast.While, ast.For, ast.AsyncFor)
        for where, loop in places(kind)
        if not any(isinstance(node, ast.Yield) for node in ast.walk(loop))
    ]
    assert [
        where for where, loop in loops for node in ast.walk(loop) if called(node) in ("asyncio.sleep", "time.sleep")
    ] == []


def caught(handler: ast.AST) -> set[str]:
    assert isinstance(handler, ast.ExceptHandler)
    match handler.type:
        case None:
            return {"BaseException"}
        case ast.Tuple(elts=elements):
            return {ast.unparse(element) for element in elements}
        case kind:
            return {ast.unparse(kind)}


def test_broad_handlers_are_few() -> None:
    broad = [where for where, handler in places(ast.ExceptHandler) if "Exception" in caught(handler)]
    assert len(broad) <= 3, broad


def test_what_catches_everything_raises_it_again() -> None:
    for where, handler in places(ast.ExceptHandler):
        if "BaseException" in caught(handler):
            assert isinstance(handler, ast.ExceptHandler)
            last = handler.body[-1]
            assert isinstance(last, ast.Raise), where
            assert last.exc is None, where


def test_every_module_says_what_it_is() -> None:
    assert [name for name, tree in modules().items() if not ast.get_docstring(tree)] == []


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh process has loaded after a statement."""
    program = (
        f"import sys, json\n{statement}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(result.stdout))


def test_importing_the_library_loads_nothing_heavy() -> None:
    loaded = loaded_by("import genesis_lib")
    assert "genesis_lib" in loaded
    assert sorted(loaded & set(HEAVY)) == []


def test_defining_and_constructing_an_agent_loads_no_dds_product_and_no_client() -> None:
    loaded = loaded_by(
        "from genesis_lib import GenesisAgent\n"
        "class A(GenesisAgent):\n"
        "    async def process_request(self, request): return {'message': ''}\n"
        "A('a', enable_agent_communication=True)"
    )
    assert sorted(loaded & {"cyclonedds", "rti", "openai", "aiohttp"}) == []
