"""`genesis doctor`: why agents do not find each other."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from genesis_lib.cli.interruptible import run_interruptible
from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import is_narrow, show, write_json

if TYPE_CHECKING:
    from genesis_lib.cli.diagnosis import Sighting
    from genesis_lib.cli.findings import Finding
    from genesis_lib.cli.networks import NetworkInterface
    from genesis_lib.settings import ResolvedSettings, Settings


@click.command("doctor")
@json_option("One JSON object with all that was found.")
@common_options
@click.pass_obj
def command(invocation: Invocation) -> int:
    """Examine DDS product, settings, network and domain, and say what is wrong and what to do.

    Exit status: 0 fine, 1 something is wrong.
    """
    report = _examine(invocation)
    if invocation.json:
        write_json(report)
    else:
        from genesis_lib.cli.doctor_report import render

        show(*render(report, narrow=is_narrow()))
    return 0 if report["ok"] else 1


def _examine(invocation: Invocation) -> dict[str, Any]:
    from genesis_lib.cli.diagnosis import products
    from genesis_lib.cli.findings import Finding
    from genesis_lib.cli.networks import multicast_source, network_interfaces
    from genesis_lib.errors import ConfigError

    interfaces = network_interfaces()
    report: dict[str, Any] = {
        "products": [asdict(product) for product in products()],
        "interfaces": [{**asdict(interface), "used": None} for interface in interfaces],
    }
    try:
        resolved = invocation.resolve()
    except ConfigError as error:
        return _conclude(report, [Finding(True, f"The settings are wrong: {error}.")])
    settings = resolved.settings
    invocation.log_as(settings)
    source = multicast_source(settings.domain_id)
    leaves_by = next((each.name for each in interfaces if source in each.addresses), "")
    report["domain_id"] = settings.domain_id
    report["dds"] = settings.dds
    report["settings"] = _changed(resolved)
    report["multicast_route"] = {"interface": leaves_by, "address": source} if source else None
    return _conclude(report, _meet(settings, interfaces, report))


def _meet(settings: Settings, interfaces: list[NetworkInterface], report: dict[str, Any]) -> list[Finding]:
    """Join the domain and add to the report what is seen there."""
    from genesis_lib.cli import findings
    from genesis_lib.cli.diagnosis import look_around
    from genesis_lib.errors import GenesisError

    try:
        sighting = run_interruptible(look_around(settings, interfaces))
    except GenesisError as error:
        found = list(findings.of_network(settings, interfaces, None))
        return [*found, findings.Finding(True, str(error))]
    if sighting.selected is not None:
        for interface in report["interfaces"]:
            interface["used"] = interface["name"] in sighting.selected
    report.update(_as_json(sighting))
    causes = [
        *findings.of_network(settings, interfaces, sighting.selected),
        *findings.of_peers(settings, sighting),
        *findings.of_sighting(settings, sighting),
    ]
    if not any(cause.problem for cause in causes):
        causes += findings.of_absence(settings, sighting)
    return [*causes, *findings.of_model(settings)]


def _changed(resolved: ResolvedSettings) -> dict[str, dict[str, str]]:
    """The settings that are not at their defaults; the secrets among them without their values."""
    from genesis_lib.cli.config import shown

    changed = {
        name: {"value": shown(name, getattr(resolved.settings, name)), "origin": origin}
        for name, origin in resolved.origins.items()
        if origin != "default"
    }
    if os.environ.get("CYCLONEDDS_URI"):
        changed["CYCLONEDDS_URI"] = {"value": os.environ["CYCLONEDDS_URI"], "origin": "environment, has the last word"}
    return changed


def _as_json(sighting: Sighting) -> dict[str, Any]:
    from genesis_lib.cli.agents import describe

    return {
        "participants": [
            {**asdict(peer), "agents": [{"name": name, "agent_id": agent_id} for name, agent_id in peer.agents]}
            for peer in sighting.peers
        ],
        "agents": describe(sighting.agents, {}),
        "other_domains": [
            {
                "domain_id": domain.domain_id,
                "participants": len(domain.participants),
                "addresses": sorted(domain.addresses),
            }
            for domain in sighting.other_domains
        ],
        "peers": [{**asdict(peer), "answer": peer.answer.value} for peer in sighting.named_peers],
        "mismatches": [
            {
                "participant": mismatch.peer.key,
                "agents": [name for name, _ in mismatch.peer.agents] or mismatch.peer.components,
                "topic": mismatch.endpoint.topic,
                "endpoint": "writer" if mismatch.endpoint.is_writer else "reader",
                "policies": [asdict(misfit) for misfit in mismatch.misfits],
            }
            for mismatch in sighting.mismatches
        ],
    }


def _conclude(report: dict[str, Any], found: list[Finding]) -> dict[str, Any]:
    report["ok"] = not any(finding.problem for finding in found)
    report["conclusions"] = [finding._asdict() for finding in found]
    return report
