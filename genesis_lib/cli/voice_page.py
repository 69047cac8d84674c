"""`genesis voice page`: makes what people read of a recording anew. Loads no DDS."""

from __future__ import annotations

from pathlib import Path

import click

from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import write, write_json


@click.command("page")
@click.argument("directory", type=click.Path(path_type=Path))
@json_option("The call's figures as one JSON object.")
@common_options
@click.pass_obj
def command(invocation: Invocation, directory: Path) -> None:
    """Make transcript.vtt, figures.json and index.html in DIRECTORY anew, from its call.wav and events.jsonl. This works for
    recordings that broke off, too.
    """
    from genesis_lib.voice.documents import PAGE_FILE, write_documents

    figures = write_documents(directory)
    if invocation.json:
        write_json(figures.as_json())
    else:
        write(str(directory / PAGE_FILE))
