"""What a command says at its end: to people, and with --json to programs."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import click

from clipmill.jobs.v1.jobs_pb2 import Job, JobState
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.results import ResultRecord
from clipmill_shared.errors import ClipmillError


class JobFailedError(ClipmillError):
    """The job ended without a result."""


def say_error(as_json: bool, code: str, message: str, remedy: str, retry_after_s: float | None = None) -> None:
    """One line, whatever a library put into the message; with --json an object on standard output too."""
    if as_json:
        when = {} if retry_after_s is None else {"retry_after_s": retry_after_s}
        print(json.dumps({"event": "error", "code": code, "message": message, "remedy": remedy, **when}), flush=True)
    click.echo(f"clipmill: {' '.join(f'{message} {remedy}'.split())}", err=True)


def say_result(as_json: bool, output: Path, result: ResultRecord) -> ExitCode:
    """The clips that were made and lie in `output` now, or why there are none."""
    from clipmill_cli.table import table

    if as_json:
        print(json.dumps({"event": "result", "output": str(output), **result.model_dump(mode="json")}), flush=True)
    else:
        for warning in result.warnings:
            # "From 0.2 s on" is of a clip: say of which.
            where = ", ".join(clip.video for clip in result.clips if warning in clip.warnings)
            click.echo(f"Warning: {where and f'{where}: '}{warning.message} [{warning.code}]", err=True)
        if result.clips:
            click.echo(table(result))
        for shared in result.shared:
            click.echo(shared.sentence)
        if result.cached:
            click.echo("From the cache: this video was done before with these options and models.")
        for shortage in result.shortages:
            click.echo(f"{shortage.message} Try {shortage.remedy}.", err=True)
        if result.clips:
            click.echo(f"{output / 'report.html'} shows them.")
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    return ExitCode.CLIPS_MADE if result.clips else ExitCode.NO_CLIP_FITS


def check_ended_well(job: Job, cancelled_remedy: str) -> None:
    """JobFailedError for a job that has ended without a result."""
    if job.state == JobState.JOB_STATE_FAILED:
        error = job.error
        raise JobFailedError(error.code, _named(error.part, error.code, error.message), error.remedy)
    if job.state == JobState.JOB_STATE_CANCELLED:
        raise JobFailedError("CANCELLED", "The job was cancelled.", cancelled_remedy)


def _named(part: str, code: str, message: str) -> str:
    """Name the part where a part is at fault; an input's fault speaks for itself."""
    return message if code.startswith("INPUT_") or not part else f"The part {part} failed: {message}"
