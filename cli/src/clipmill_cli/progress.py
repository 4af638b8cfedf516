"""Progress as a person, a log file or a program reads it."""

from __future__ import annotations

import json
import sys
import time
from typing import Protocol, TextIO

from clipmill.jobs.v1.jobs_pb2 import Job, StageProgress
from clipmill_cli.job_object import STAGES, job_object
from clipmill_cli.live import LiveNews, standing

# A plain line at most so often for a stage that has not ended.
PLAIN_EVERY_S = 2.0


class Display(Protocol):
    """Shows a job's progress, snapshot by snapshot, between `__enter__` and `__exit__`."""

    def show(self, job: Job) -> None: ...
    def __enter__(self) -> Display: ...
    def __exit__(self, *exception: object) -> None: ...


def shared_with(stage: StageProgress, job: Job) -> str:
    """Of a stage that has ended, the earlier video from which all or some of it was taken; empty for none."""
    shared = next((each for each in job.shared if each.stage == stage.stage), None)
    if shared is None or not stage.HasField("finished_at"):
        return ""
    return f"as in {shared.name}" if shared.parts == stage.parts else f"{shared.parts} parts as in {shared.name}"


def display(as_json: bool) -> Display:
    """Bars on a terminal, JSON lines when asked for, plain lines otherwise."""
    if as_json:
        return JsonLines(sys.stdout)
    if sys.stderr.isatty():
        return Bars()
    return PlainLines(sys.stderr)


def rate(stage: StageProgress, video_s: float) -> float | None:
    """How many seconds of video a second of work takes in, or None before there is anything to say."""
    if not stage.HasField("started_at") or stage.progress <= 0 or video_s <= 0:
        return None
    end = stage.finished_at.ToMilliseconds() / 1000 if stage.HasField("finished_at") else time.time()
    elapsed = end - stage.started_at.ToMilliseconds() / 1000
    return stage.progress * video_s / elapsed if elapsed > 0.05 else None


def left_s(stage: StageProgress) -> float | None:
    """Seconds left at the rate so far, or None when that cannot be said yet."""
    if not stage.HasField("started_at") or stage.progress < 0.02 or stage.HasField("finished_at"):
        return None
    elapsed = time.time() - stage.started_at.ToMilliseconds() / 1000
    return max(elapsed * (1 - stage.progress) / stage.progress, 0.0)


class JsonLines:
    """One JSON object a snapshot: {"event": "progress", ...} with what a JobObject has."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, job: Job) -> None:
        line = {"event": "progress", **job_object(job)}
        print(json.dumps(line), file=self._out, flush=True)

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


class PlainLines:
    """A line when a stage begins and ends, and every two seconds between."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._said: dict[int, tuple[float, float]] = {}
        self._news = LiveNews()
        self._stood_at = -PLAIN_EVERY_S

    def show(self, job: Job) -> None:
        now = time.monotonic()
        if job.HasField("live"):
            news = self._news.of(job.live)
            if not job.live.ended and now - self._stood_at >= PLAIN_EVERY_S:
                self._stood_at = now
                news.append(standing(job.live))
            for line in news:
                print(line, file=self._out, flush=True)
            if not job.live.ended:
                # Stages of what still grows are done again and again.
                return
        for stage in job.stages:
            if not stage.HasField("started_at"):
                continue
            at, progress = self._said.get(stage.stage, (-PLAIN_EVERY_S, -1.0))
            ended = stage.HasField("finished_at")
            if progress >= 1.0 or (not ended and now - at < PLAIN_EVERY_S):
                continue
            self._said[stage.stage] = (now, 1.0 if ended else min(stage.progress, 0.999))
            print(self._line(stage, job), file=self._out, flush=True)

    def _line(self, stage: StageProgress, job: Job) -> str:
        text, video_s = f"{STAGES[stage.stage]:<10} {stage.progress:4.0%}", job.info.duration_s
        if said := shared_with(stage, job):
            return f"{text}  {said}"
        if stage.cached and stage.HasField("finished_at"):
            return f"{text}  from the cache"
        if (speed := rate(stage, video_s)) is not None:
            text += f"  {speed:.1f}x"
        if (left := left_s(stage)) is not None:
            text += f"  {left:.0f} s left"
        return text

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


class Bars:
    """A bar a stage, with its rate (video seconds a second) and the time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>4.0f}%"),
            TextColumn("{task.fields[said]}", style="dim"),
            console=Console(stderr=True),
            refresh_per_second=8,
        )
        self._bars: dict[int, int] = {}
        self._news = LiveNews()

    def show(self, job: Job) -> None:
        for line in self._news.of(job.live):
            self._progress.console.print(line, markup=False, highlight=False)
        for stage in job.stages:
            if stage.stage not in self._bars:
                self._bars[stage.stage] = self._progress.add_task(STAGES[stage.stage], total=1.0, said="")
            self._progress.update(
                self._bars[stage.stage],  # type: ignore[arg-type]
                completed=stage.progress,
                said=shared_with(stage, job) or self._said(stage, job.info.duration_s),
            )

    def _said(self, stage: StageProgress, video_s: float) -> str:
        if stage.cached and stage.HasField("finished_at"):
            return "from the cache"
        speed, left = rate(stage, video_s), left_s(stage)
        text = f"{speed:.1f}x" if speed is not None else ""
        return f"{text}  {int(left // 60)}:{int(left % 60):02d} left" if left is not None else text

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()
