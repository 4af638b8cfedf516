"""A talk that is still being written, submitted by the command; and what must be heard of it in the end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from faults.load import Load
from imageio_ffmpeg import get_ffmpeg_exe

from clipmill.audio.v1.audio_pb2 import Word
from clipmill.client import ClipmillRpcError
from clipmill.jobs.v1.jobs_pb2 import Job

LENGTH_S = 60.0
# So many times as fast as it is said.
RATE = 3
STEP_S = 0.1
MADE = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=25", "-f", "lavfi", "-i", "sine=440")
ENCODED = ("-g", "25", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


class LiveTalk:
    """The first minute of `load`'s video, or of a made one, as a growing file of MPEG-TS."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._path = load.system.videos / "live.ts"

    async def submit(self) -> Job:
        """`clipmill submit --live`, as a user types it; the file is written from then on."""
        whole = await asyncio.to_thread(self._made)
        self._path.touch()
        command = Path(sys.executable).with_name("clipmill")
        options = ("--live", "--clips", "1", "--min", "8", "--key", f"{self._load.seed}-live", "--address")
        process = await asyncio.create_subprocess_exec(
            command, "submit", self._path, *options, self._load.system.address("ingest"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "CLIPMILL_DATA_DIR": str(self._load.system.folder / "data")},
        )  # fmt: skip
        out, error = await process.communicate()
        assert process.returncode == 0, error.decode()
        job_id = out.decode().strip()
        self._load.accepted[job_id] = "live"
        self._writer = asyncio.create_task(self._write(whole))
        return await self._load.system.jobs.get_job(job_id)

    async def until(self, job: Job, condition: Callable[[Job], object], patience_s: float = 90.0) -> Job:
        """The job once it is so; while ingest is away it is asked for again."""
        async with asyncio.timeout(patience_s):
            while True:
                with suppress(ClipmillRpcError):
                    job = await self._load.system.jobs.get_job(job.job_id)
                    if condition(job):
                        return job
                await asyncio.sleep(0.1)

    async def written(self) -> None:
        await self._writer

    def _made(self) -> bytes:
        command = [get_ffmpeg_exe(), "-v", "error"]
        if self._load.video:
            source = self._path.with_name("live-source.mp4")
            source.write_bytes(self._load.video)
            command += ["-i", str(source), "-c", "copy"]
        else:
            command += [*MADE, *ENCODED]
        target = self._path.with_name("live-whole.ts")
        subprocess.run([*command, "-t", f"{LENGTH_S:g}", str(target)], check=True)
        return target.read_bytes()

    async def _write(self, whole: bytes) -> None:
        steps = round(LENGTH_S / RATE / STEP_S)
        with self._path.open("ab", buffering=0) as file:
            for n in range(steps):
                file.write(whole[n * len(whole) // steps : (n + 1) * len(whole) // steps])
                await asyncio.sleep(STEP_S)


def seams_of(words: Sequence[Word], hole_s: float) -> list[str]:
    """Where words are lost, more than `hole_s` without one, or said twice: they begin before those before them do."""
    begins = [*(word.start_s for word in words), LENGTH_S]
    before = [-hole_s / 2, *begins]
    return [f"{a:.1f} to {b:.1f} s" for a, b in zip(before, begins, strict=False) if not 0 < b - a <= hole_s]
