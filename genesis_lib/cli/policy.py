"""`genesis policy`: check access policy files, and see what they decide. Loads no DDS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import show, visible, write_json

if TYPE_CHECKING:
    from genesis_lib.security.policy import AccessRule

_FAILED = 1
_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group("policy")
@common_options
def command() -> None:
    """Check access policy files, and see what they decide.

    An agent takes its policy from the file that GENESIS_POLICY_FILE names.
    """


@command.command("check", short_help="Say whether a file is an access policy.")
@_FILE
@json_option("One JSON object: file, valid, and rules and default, or line and reason.")
@common_options
@click.pass_obj
def check(invocation: Invocation, file: Path) -> int:
    """Say whether FILE is an access policy, or in which line it is not and why. Exit status 0 or 1."""
    from rich.text import Text

    from genesis_lib.security.policy_file import PolicyFileError, load_policy

    try:
        policy = load_policy(file)
    except PolicyFileError as error:
        if invocation.json:
            write_json({"file": str(file), "valid": False, "line": error.line, "reason": error.reason})
        else:
            where = str(file) if error.line is None else f"{file}:{error.line}"
            show(Text.assemble(visible(where), "  ", ("wrong", "bold red"), "  ", visible(error.reason)))
        return _FAILED
    if invocation.json:
        write_json({"file": str(file), "valid": True, "rules": len(policy.rules), "default": policy.default})
    else:
        show(Text.assemble(visible(str(file)), "  ", ("fine", "green"), "  ", str(policy)))
    return 0


@command.command("explain", short_help="Say what a policy decides of a call, and by which rule.")
@_FILE
@click.option("--caller", metavar="ID", default="", help="Id of the agent that calls; left out, it announced none.")
@click.option("--target", metavar="ID", required=True, help="Id of the agent that is called.")
@click.option("--name", metavar="NAME", default="", help="Its name.")
@click.option("--service", metavar="NAME", default="", help="Its base service name.")
@click.option("--capability", "capabilities", metavar="NAME", multiple=True, help="What it can do; may be repeated.")
@click.option("--function", metavar="NAME", default="", help="The function called; left out, it is a message.")
@json_option("One JSON object: allowed, rule (its number, null for the default), caller, target, function.")
@common_options
@click.pass_obj
def explain(
    invocation: Invocation,
    file: Path,
    caller: str,
    target: str,
    name: str,
    service: str,
    capabilities: tuple[str, ...],
    function: str,
) -> None:
    """Say whether the policy in FILE allows a call, and which rule decides."""
    from rich.text import Text

    from genesis_lib.messages import AgentInfo
    from genesis_lib.security.policy_file import load_policy

    policy = load_policy(file)
    called = AgentInfo(target, name, service_name=f"{service}_{target}", capabilities=capabilities)
    decision = policy.decide(caller, called, function)
    if invocation.json:
        write_json(
            {
                "allowed": decision.allowed,
                "rule": decision.rule,
                "caller": caller,
                "target": target,
                "function": function,
            }
        )
        return
    verdict = ("allowed", "green") if decision.allowed else ("denied", "bold red")
    if decision.rule is None:
        because = f": no rule applies, and the default is {policy.default}"
    else:
        because = f" by rule {decision.rule}: {_describe(policy.rules[decision.rule - 1])}"
    show(Text.assemble(verdict, visible(because)))


def _describe(rule: AccessRule) -> str:
    """The rule in one line, as its file has it."""
    members = ("callers", "targets", "functions", "capabilities")
    named = [f"{member} {', '.join(getattr(rule, member))}" for member in members if getattr(rule, member) is not None]
    return "; ".join([rule.effect, *named])
