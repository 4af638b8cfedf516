"""`clipmill run`: one job from its request to the files in the output folder."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clipmill.client import Client, ClipmillRpcError
from clipmill.jobs.v1.jobs_pb2 import Job
from clipmill_cli import exit_codes
from clipmill_cli.attached import request_of
from clipmill_cli.data_folder import DataFolder
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.interrupt import InterruptedByUserError, interruptible
from clipmill_cli.options import Options
from clipmill_cli.progress import display
from clipmill_cli.results import ResultRecord
from clipmill_cli.say import check_ended_well, say_error, say_result
from clipmill_shared.errors import ClipmillError, DiskFullError
from clipmill_shared.object_store import is_disk_full
from clipmill_shared.telemetry import TelemetrySettings, configure_exporters, configure_logging

# File names have 255 bytes at most; "-clips" and a suffix need room.
MAX_STEM_BYTES = 200


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
        say_error(options.as_json, "INTERRUPTED", "Stopped.", "The same command goes on where it stopped.")
        return ExitCode.INTERRUPTED
    except (ClipmillError, ClipmillRpcError) as error:
        say_error(options.as_json, error.code, error.message, error.remedy)
        return exit_codes.of_error(error.code)
    except OSError as error:
        if not is_disk_full(error):
            raise
        full = DiskFullError(error.filename or "the data folder")
        say_error(options.as_json, full.code, full.message, full.remedy)
        return ExitCode.PART_FAILED
    return say_result(options.as_json, output, result)


async def _run(options: Options, data: DataFolder, output: Path) -> ResultRecord:
    from clipmill_cli.composition import one_shot

    with data.run() as folder:
        roots = () if options.is_url else (Path(options.video).absolute().parent,)
        async with one_shot(data, folder, roots, live=options.live, stream_host=options.stream_host) as client:
            job = await interruptible(_submit(client, options))
            instead = partial(client.end_input, job.job_id) if options.live else None
            job = await interruptible(_follow(client, job, options), instead)
            check_ended_well(job, "Run the same command again.")
            # Late, and beside the loop: what writes the report is not needed before there is one.
            deliver = (await asyncio.to_thread(import_module, "clipmill_cli.deliver")).deliver
            result: ResultRecord = await deliver(client, job, output)
            return result


async def _submit(client: Client, options: Options) -> Job:
    return await client.submit(
        path="" if options.is_url else str(Path(options.video).absolute()),
        url=options.video if options.is_url else "",
        options=await request_of(client, options),
        transcript=options.transcript_bytes(),
        live=options.live_source,
    )


async def _follow(client: Client, job: Job, options: Options) -> Job:
    """Show the job's progress until it ends."""
    with display(options.as_json) as shown:
        async for progress in client.watch(job.job_id):
            job = progress.job
            shown.show(job)
    return job


def default_output(video: str) -> Path:
    """The folder for a video's clips when none is named: its name with -clips, in the working folder."""
    name = unquote(Path(urlsplit(video).path).name) if "://" in video else Path(video).name
    stem = Path(name).stem or "video"
    stem = os.fsencode(stem)[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    return Path(f"{stem}-clips")
