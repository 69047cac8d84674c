"""The doctor's report for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genesis_lib.cli.config import as_text
from genesis_lib.cli.output import visible


def render(report: Mapping[str, Any], *, narrow: bool) -> Iterator[RenderableType]:
    """The report as text and tables; sections that could not be examined are left out. Where it is narrow, rows are broken
    between words in place of columns."""
    section = _lines if narrow else _section
    yield from section("DDS product", _products(report))
    if "settings" in report:
        yield from section("Settings that are not the defaults", _settings(report))
    yield from section("Network interfaces", _interfaces(report))
    if "multicast_route" in report:
        yield from section("Route of discovery multicast", _route(report))
    if "participants" in report:
        domain = report["domain_id"]
        yield from section(f"Other participants on domain {domain}", _participants(report))
        yield from section(f"Agents on domain {domain}", _agents(report))
        if report["other_domains"]:
            yield from section("Participants on other domains, announced by multicast", _other_domains(report))
        if report["peers"]:
            yield from section("Peers", _peers(report))
    yield from _conclusion(report)


def _section(title: str, rows: Sequence[Sequence[str]]) -> Iterator[RenderableType]:
    rows = rows or [("none",)]
    grid = Table.grid(padding=(0, 2, 0, 0))
    for column, _ in enumerate(rows[0]):
        grid.add_column(overflow="fold", no_wrap=column == 0 and len(rows[0]) > 1)
    for row in rows:
        grid.add_row(*(Text(visible(cell)) for cell in row))
    yield Text(title, "bold")
    yield Padding(grid, (0, 0, 1, 2), expand=False)


def _lines(title: str, rows: Sequence[Sequence[str]]) -> Iterator[RenderableType]:
    grid = Table.grid()
    for row in rows or [("none",)]:
        grid.add_row(Text(visible("  ".join(cell for cell in row if cell))))
    yield Text(title, "bold")
    yield Padding(grid, (0, 0, 1, 2), expand=False)


def _conclusion(report: Mapping[str, Any]) -> Iterator[RenderableType]:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for conclusion in report["conclusions"]:
        mark = Text("wrong", "bold red") if conclusion["problem"] else Text("note", "yellow")
        grid.add_row(mark, Text(visible(conclusion["text"])))
    if report["ok"]:
        agents = len(report["agents"])
        seen = f"; {agents} agent{'s' * (agents != 1)} can be seen" if agents else ""
        grid.add_row(Text("fine", "green"), Text(f"Nothing is wrong{seen}."))
    yield Text("Conclusion", "bold")
    yield Padding(grid, (0, 0, 0, 2), expand=False)


def _products(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            product["name"],
            product["version"] or "not installed",
            f"licence: {product['licence']}" if product["version"] else "",
            "in use" if product["setting"] == report.get("dds") else f"GENESIS_DDS={product['setting']} takes it",
        )
        for product in report["products"]
    ]


def _settings(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(name, as_text(setting["value"]), f"({setting['origin']})") for name, setting in report["settings"].items()]


def _interfaces(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    used = {True: ("used",), False: ("not used",), None: ()}
    return [
        (
            interface["name"],
            "up" if interface["up"] else "down",
            "multicast" if interface["multicast"] else "no multicast",
            ", ".join(interface["addresses"]) or "no address",
            *used[interface["used"]],
        )
        for interface in report["interfaces"]
    ]


def _route(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    route = report["multicast_route"]
    if not route:
        return []
    unused = any(each["name"] == route["interface"] and each["used"] is False for each in report["interfaces"])
    note = "; not taken, that interface is not used" if unused else ""
    return [(f"by {route['interface'] or 'an unknown interface'}, from {route['address']}{note}",)]


def _participants(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            participant["key"],
            ", ".join(participant["addresses"]) or "address unknown",
            f"process {participant['pid']} on {participant['host']}" if participant["pid"] else "process unknown",
            ", ".join(agent["name"] for agent in participant["agents"])
            or ", ".join(participant["components"])
            or ", ".join(participant["topics"])
            or "no topics",
        )
        for participant in report["participants"]
    ]


def _agents(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (agent["name"], agent["agent_type"], agent["agent_id"], f"process {agent['pid']} on {agent['host']}")
        for agent in report["agents"]
    ]


def _other_domains(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (f"domain {domain['domain_id']}", str(domain["participants"]), f"from {', '.join(domain['addresses'])}")
        for domain in report["other_domains"]
    ]


def _peers(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(peer["name"], peer["answer"], peer["reason"]) for peer in report["peers"]]
