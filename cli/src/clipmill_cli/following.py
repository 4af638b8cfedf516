"""A job of a Clipmill that runs, followed to its end."""

from __future__ import annotations

from pathlib import Path

import click

from clipmill.client import Client
from clipmill.jobs.v1.jobs_pb2 import Job
from clipmill_cli import exit_codes
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.job_object import job_object
from clipmill_cli.progress import display
from clipmill_cli.remote import say_line
from clipmill_cli.say import JobFailedError, check_ended_well, say_error, say_result


async def follow(client: Client, job: Job, as_json: bool) -> Job:
    """Show the job's progress until it has ended; a connection that breaks is taken up where it broke."""
    with display(as_json) as shown:
        async for progress in client.watch(job.job_id):
            job = progress.job
            shown.show(job)
    return job


def say_end(job: Job, as_json: bool) -> ExitCode:
    """How a job ended: its result's code, as `run` gives it. With --json the last line is the job, however it ended."""
    if as_json:
        say_line({"event": "result", **job_object(job)})
    try:
        check_ended_well(job, "Submit it again if it is still wanted.")
    except JobFailedError as error:
        say_error(False, error.code, error.message, error.remedy)
        return exit_codes.of_error(error.code)
    if not as_json:
        for warning in job.warnings:
            click.echo(f"Warning: {warning.message} [{warning.code}]", err=True)
        for shortage in job.shortages:
            click.echo(f"{shortage.message} Try {shortage.remedy}.", err=True)
        if job.clip_ids:
            click.echo(f"{len(job.clip_ids)} clips. Fetch them: clipmill clips {job.job_id} -o DIR", err=True)
    return ExitCode.CLIPS_MADE if job.clip_ids else ExitCode.NO_CLIP_FITS


async def fetch(client: Client, job: Job, as_json: bool, output: Path) -> ExitCode:
    """The clips of a job that has ended, as files in `output`, as `run` leaves them."""
    from clipmill_cli.deliver import deliver

    check_ended_well(job, "Submit it again if it is still wanted.")
    return say_result(as_json, output, await deliver(client, job, output))
