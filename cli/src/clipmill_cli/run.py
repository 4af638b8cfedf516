"""`clipmill run`: one job from its request to the files in the output folder."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click

from clipmill.client import Client, ClipmillRpcError
from clipmill.jobs.v1.jobs_pb2 import Job, JobState
from clipmill_cli import exit_codes
from clipmill_cli.data_folder import DataFolder
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.options import Options
from clipmill_cli.progress import display
from clipmill_cli.results import ResultRecord
from clipmill_shared.errors import ClipmillError, DiskFullError
from clipmill_shared.object_store import is_disk_full
from clipmill_shared.telemetry import TelemetrySettings, configure_exporters, configure_logging

ENDED = (
    JobState.JOB_STATE_COMPLETED,
    JobState.JOB_STATE_COMPLETED_WITH_WARNINGS,
    JobState.JOB_STATE_FAILED,
    JobState.JOB_STATE_CANCELLED,
)
# File names have 255 bytes at most; "-clips" and a suffix need room.
MAX_STEM_BYTES = 200


class JobFailedError(ClipmillError):
    """The job ended without a result."""


class InterruptedByUserError(Exception):
    """Ctrl-C, or SIGTERM."""


def run(options: Options) -> ExitCode:
    """Run a job and say how it went; the process's exit code."""
    output = options.output or default_output(options.video)
    try:
        data, telemetry = DataFolder.configured(), TelemetrySettings()
        data.make()
        configure_logging(telemetry.log_level, data.log)
        configure_exporters(telemetry, "clipmill-run")
        result = asyncio.run(_run(options, data, output))
    except InterruptedByUserError:
        _say_error(options, "INTERRUPTED", "Stopped.", "The same command goes on where it stopped.")
        return ExitCode.INTERRUPTED
    except (ClipmillError, ClipmillRpcError) as error:
        _say_error(options, error.code, error.message, error.remedy)
        return exit_codes.of_error(error.code)
    except OSError as error:
        if not is_disk_full(error):
            raise
        full = DiskFullError(error.filename or "the data folder")
        _say_error(options, full.code, full.message, full.remedy)
        return ExitCode.PART_FAILED
    return _say_result(options, output, result)


async def _run(options: Options, data: DataFolder, output: Path) -> ResultRecord:
    from clipmill_cli.composition import one_shot

    with data.run() as folder:
        roots = () if options.is_url else (Path(options.video).absolute().parent,)
        async with one_shot(data, folder, roots) as client:
            job = await _interruptible(_follow(client, options))
            if job.state == JobState.JOB_STATE_FAILED:
                error = job.error
                raise JobFailedError(error.code, _named(error.part, error.code, error.message), error.remedy)
            if job.state == JobState.JOB_STATE_CANCELLED:
                raise JobFailedError("CANCELLED", "The job was cancelled.", "Run the same command again.")
            # Late, and beside the loop: what writes the report is not needed before there is one.
            deliver = (await asyncio.to_thread(import_module, "clipmill_cli.deliver")).deliver
            result: ResultRecord = await deliver(client, job, options, output)
            return result


async def _follow(client: Client, options: Options) -> Job:
    """Submit the video and show its progress until the job ends."""
    if options.is_url:
        job = await client.submit(url=options.video, options=options.request())
    else:
        job = await client.submit(path=str(Path(options.video).absolute()), options=options.request())
    with display(options.as_json) as shown:
        async for progress in client.watch(job.job_id):
            job = progress.job
            shown.show(job)
    return job


async def _interruptible(work: Coroutine[Any, Any, Job]) -> Job:
    """Run `work` until it ends or the user stops it; the first Ctrl-C stops cleanly, a second one at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            raise InterruptedByUserError from None
        raise
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


def default_output(video: str) -> Path:
    """The folder for a video's clips when none is named: its name with -clips, in the working folder."""
    name = unquote(Path(urlsplit(video).path).name) if "://" in video else Path(video).name
    stem = Path(name).stem or "video"
    stem = os.fsencode(stem)[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    return Path(f"{stem}-clips")


def _named(part: str, code: str, message: str) -> str:
    """Name the part where a part is at fault; an input's fault speaks for itself."""
    return message if code.startswith("INPUT_") or not part else f"The part {part} failed: {message}"


def _say_error(options: Options, code: str, message: str, remedy: str) -> None:
    if options.as_json:
        print(json.dumps({"event": "error", "code": code, "message": message, "remedy": remedy}), flush=True)
    # One line, whatever a library put into the message.
    click.echo(f"clipmill: {' '.join(f'{message} {remedy}'.split())}", err=True)


def _say_result(options: Options, output: Path, result: ResultRecord) -> ExitCode:
    from clipmill_cli.table import table

    if options.as_json:
        print(json.dumps({"event": "result", "output": str(output), **result.model_dump(mode="json")}), flush=True)
    else:
        for warning in result.warnings:
            click.echo(f"Warning: {warning.message} [{warning.code}]", err=True)
        if result.clips:
            click.echo(table(result))
        if result.cached:
            click.echo("From the cache: this video was done before with these options and models.")
        for shortage in result.shortages:
            click.echo(f"{shortage.message} Try {shortage.remedy}.", err=True)
        if result.clips:
            click.echo(f"{output / 'report.html'} shows them.")
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    return ExitCode.CLIPS_MADE if result.clips else ExitCode.NO_CLIP_FITS
