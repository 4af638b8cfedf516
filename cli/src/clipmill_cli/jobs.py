"""`clipmill jobs`, `watch`, `cancel`, `end`, `clips` and `delete`: what became of what was submitted."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clipmill.client import FINAL_STATES, Client
from clipmill.jobs.v1.jobs_pb2 import Job, JobState
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.following import fetch, follow, say_end
from clipmill_cli.job_object import job_object, state_of, video_of
from clipmill_cli.remote import address_option, lines_option, on_clipmill, say_line
from clipmill_cli.run import default_output
from clipmill_cli.table import grid
from clipmill_shared.errors import ClipmillError

STATES = [name.removeprefix("JOB_STATE_") for name, number in JobState.items() if number]
MAX_PAGE = 1000


@click.command(epilog="Exit codes: 0 listed, 5 it cannot be reached.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES, case_sensitive=False),
    help="Only those; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="The newest N.")
@lines_option
@address_option
def jobs(states: tuple[str, ...], limit: int, as_json: bool, address: str) -> None:
    """List jobs, the newest first."""

    async def work(client: Client) -> ExitCode:
        found: list[Job] = []
        async for job in client.list_jobs([JobState.Value(f"JOB_STATE_{s}") for s in states], min(limit, MAX_PAGE)):
            found.append(job)
            if len(found) == limit:
                break
        if as_json:
            for job in found:
                say_line(job_object(job))
        elif found:
            click.echo(grid(("Job", "State", "Done", "Clips", "Submitted", "Video"), [_row(job) for job in found]))
        else:
            click.echo("No jobs.", err=True)
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work))


def _row(job: Job) -> tuple[str, ...]:
    at = job.created_at.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
    return job.job_id, state_of(job), f"{job.progress:.0%}", str(len(job.clip_ids)), at, video_of(job)


@click.command(
    epilog="Exit codes: those of run: 0 clips were made, 3 the input is at fault, 4 no clip fits, 5 a part failed; 130 "
    "stopped (the job goes on)."
)
@click.argument("job_id", metavar="JOB")
@lines_option
@address_option
def watch(job_id: str, as_json: bool, address: str) -> None:
    """Show a job's progress until it has ended, through restarts of the server."""

    async def work(client: Client) -> ExitCode:
        # Asked once first: a server that is not there should be heard of at once, and one that goes is waited for.
        job = await client.get_job(job_id)
        return say_end(await follow(client, job, as_json), as_json)

    sys.exit(on_clipmill(address, as_json, work, f"The job goes on: clipmill watch {job_id} follows it again."))


@click.command(epilog="Exit codes: 0 each has ended, 5 one is not known or the server cannot be reached.")
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@lines_option
@address_option
def cancel(job_ids: tuple[str, ...], as_json: bool, address: str) -> None:
    """Cancel jobs. One that has ended stays as it is."""

    async def work(client: Client) -> ExitCode:
        for job_id in job_ids:
            job = await client.cancel(job_id)
            if as_json:
                say_line(job_object(job))
            else:
                click.echo(f"{job.job_id} {state_of(job)}")
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work))


@click.command(epilog="Exit codes: 0 each is told, 5 one is not known or the server cannot be reached.")
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@lines_option
@address_option
def end(job_ids: tuple[str, ...], as_json: bool, address: str) -> None:
    """End the input of live sources: clips are made of what was recorded."""

    async def work(client: Client) -> ExitCode:
        for job_id in job_ids:
            job = await client.end_input(job_id)
            if as_json:
                say_line(job_object(job))
            else:
                click.echo(f"{job.job_id} {state_of(job)}")
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work))


@click.command(epilog="Exit codes: 0 each is erased, 5 one is not known or the server cannot be reached.")
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@click.confirmation_option(
    "--yes", prompt="Erase the videos of these jobs and all that was made of them, for good?", help="Do not ask."
)
@lines_option
@address_option
def delete(job_ids: tuple[str, ...], as_json: bool, address: str) -> None:
    """Erase the videos of jobs, with their transcripts and all clips that any job made of them.

    A file that was read where it lies stays there.
    """

    async def work(client: Client) -> ExitCode:
        for job_id in job_ids:
            job = await client.get_job(job_id)
            if not job.video_id:
                raise ClipmillError("VIDEO_NOT_FOUND", f"Of the job {job_id} no video was kept.", "Nothing to erase.")
            erased = await client.delete_video(job.video_id)
            if as_json:
                say_line({"job_id": job_id, "video_id": job.video_id, "clips_deleted": erased.clips_deleted})
            else:
                click.echo(f"{video_of(job)}: erased, with {erased.clips_deleted} clips")
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work))


@click.command(epilog="Exit codes: 0 fetched, 3 the input was at fault, 4 no clip fits, 5 a part failed.")
@click.argument("job_id", metavar="JOB")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the clips go.  [default: the video's name with -clips, here]",
)
@lines_option
@address_option
def clips(job_id: str, output: Path | None, as_json: bool, address: str) -> None:
    """Fetch the clips of a job, as run leaves them. One that has not ended is waited for."""

    async def work(client: Client) -> ExitCode:
        job = await client.get_job(job_id)
        if job.state not in FINAL_STATES:
            job = await follow(client, job, as_json)
        folder = output or default_output(video_of(job))
        return await fetch(client, job, as_json, folder)

    sys.exit(on_clipmill(address, as_json, work, f"Nothing was fetched; clipmill clips {job_id} begins anew."))
