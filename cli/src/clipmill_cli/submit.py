"""`clipmill submit`: have clips made by a Clipmill that runs."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from clipmill_ingest.sources import check_file

from clipmill.client import Client, ClipmillRpcError
from clipmill.jobs.v1.jobs_pb2 import Job
from clipmill_cli.attached import request_of
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.following import fetch, follow, say_end
from clipmill_cli.job_object import job_object
from clipmill_cli.options import Options, run_options
from clipmill_cli.remote import address_option, on_clipmill, say_line

# A path means nothing to a server that runs elsewhere, in a container say, or may not read there.
_SEND_INSTEAD = ("INPUT_NOT_UNDER_IMPORT_ROOT", "INPUT_NOT_FOUND", "INPUT_UNREADABLE", "INPUT_IS_FOLDER")
_NO_LIMIT = 1 << 62


@dataclass(frozen=True)
class Asking:
    """How it is asked: with which key, whether its end is waited for, and how long for room in a full queue."""

    key: str
    wait: bool
    room_within_s: float


@click.command(
    epilog="Exit codes: 0 submitted (with --wait: clips were made), 2 wrong usage, 3 the input is at fault, 4 no clip "
    "fits, 5 a part failed, 75 come back later, 130 stopped (the job goes on)."
)
@click.option("--wait", is_flag=True, help="Show progress until the job has ended. With -o it is waited for anyway.")
@click.option("--key", default="", metavar="KEY", help="The same key is the same job, however often it is submitted.")
@click.option(
    "--wait-for-room",
    "room_within_s",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="While the queue is full, ask again when it says, for so long.",
)
@address_option
@run_options
def submit(options: Options, wait: bool, key: str, room_within_s: float, address: str) -> None:
    """Have clips made of VIDEO, a file or an http(s) address, by the Clipmill that runs.

    A file is read where it lies if the server may read there, and sent if not. The job's id is printed.
    """
    # A key of our own: a call that is repeated because its answer was lost must not make a second job.
    asking = Asking(key or secrets.token_hex(16), wait or options.output is not None, room_within_s)

    async def work(client: Client) -> ExitCode:
        return await _submit(client, options, asking)

    sys.exit(on_clipmill(address, options.as_json, work, "A job that was accepted goes on: clipmill jobs lists it."))


async def _submit(client: Client, options: Options, asking: Asking) -> ExitCode:
    job = await _accepted(client, options, asking)
    if not asking.wait:
        if options.as_json:
            say_line(job_object(job))
        else:
            click.echo(job.job_id)
            click.echo(f"Follow it: clipmill watch {job.job_id}", err=True)
        return ExitCode.CLIPS_MADE
    if not options.as_json:
        click.echo(f"Job {job.job_id}", err=True)
    job = await follow(client, job, options.as_json)
    if options.output is None:
        return say_end(job, options.as_json)
    return await fetch(client, job, options.as_json, options.output)


async def _accepted(client: Client, options: Options, asking: Asking) -> Job:
    request, key, room = await request_of(client, options), asking.key, asking.room_within_s
    text = options.transcript_bytes()
    if options.is_url:
        return await client.submit(
            url=options.video,
            options=request,
            idempotency_key=key,
            transcript=text,
            room_within_s=room,
            live=options.live_source,
        )
    path = Path(options.video).absolute()
    check_file(path, _NO_LIMIT, may_be_empty=options.live)
    try:
        return await client.submit(
            path=str(path),
            options=request,
            idempotency_key=key,
            transcript=text,
            room_within_s=room,
            live=options.live_source,
        )
    except ClipmillRpcError as error:
        if error.code not in _SEND_INSTEAD or options.live:
            raise
    if not options.as_json:
        click.echo(f"Sending {path.name} ({path.stat().st_size / 1e6:,.0f} MB) ...", err=True)
    return await client.upload(path, options=request, idempotency_key=key, transcript=text, room_within_s=room)
