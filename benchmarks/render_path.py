"""A clip's render beside one bare ffmpeg that makes the same: crop, captions, loudness, with equal passes.

The bare command measures the sound's loudness, then encodes once: it crops with one moving `crop`, draws the same
captions and applies the measured loudness. The render does that, cuts with a margin for smooth moves, keeps stills for
the thumbnail, and checks what it made. Both have the same preset, quality and threads, and take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clipmill_render import ffmpeg, work
from clipmill_render.commands import CAPTIONS, FONTS, VIDEO

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Word
from clipmill.clips.v1.clips_pb2 import ASPECT_9_16, CAPTION_STYLE_KARAOKE, ClipHead, RenderTask
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange
from clipmill.media.v1.media_pb2 import AudioStream, MediaInfo, VideoStream
from clipmill.vision.v1.vision_pb2 import FaceSample, FaceTrack, Shot, VisionAnalysis

SOURCE_S, CLIP_START_S, CLIP_S, FPS = 30, 6.0, 20.0, 25
WIDTH, HEIGHT = 1280, 720
MEASURED = re.compile(r'"(input_i|input_tp|input_lra|input_thresh|target_offset)" : "([-\d.]+)"')


def source(folder: Path) -> Path:
    """Moving shapes with noise, and a voice-like sound with pauses."""
    path = folder / "source.mp4"
    picture = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={FPS}:duration={SOURCE_S},noise=alls=3:allf=t"
    sound = f"aevalsrc='0.1*sin(2*PI*(180+60*sin(3*t))*t)*gt(sin(2*t),-0.6)':d={SOURCE_S}:s=48000"
    command = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-preset", "veryfast"]
    ffmpeg.run([*command, "-crf", "20", "-c:a", "aac", str(path)], folder)
    return path


def request(path: Path, folder: Path, threads: int) -> work.Request:
    """A clip with a shot whose face stands and one whose face walks, and a word every .4 s."""
    info = MediaInfo(
        duration_s=SOURCE_S,
        container="mov",
        video=VideoStream(width=WIDTH, height=HEIGHT, display_width=WIDTH, display_height=HEIGHT, fps=FPS, index=0),
        audio=AudioStream(sample_rate_hz=48000, channels=1, index=1),
    )
    task = RenderTask(
        clip=ClipHead(clip_id="c", range=TimeRange(start_s=CLIP_START_S, end_s=CLIP_START_S + CLIP_S)),
        info=info,
        aspect=ASPECT_9_16,
        captions=CAPTION_STYLE_KARAOKE,
        profile=PROFILE_FAST,
    )
    words = [Word(text="word" + "." * (n % 9 == 8), start_s=n * 0.4, end_s=n * 0.4 + 0.35) for n in range(70)]
    times = np.arange(0, SOURCE_S, 0.2)
    middles = np.where(times < 15, 0.3, 0.3 + (times - 15) * 0.03)
    face = FaceTrack(
        samples=[
            FaceSample(time_s=t, x0=x - 0.05, x1=x + 0.05, y0=0.2, y1=0.4, confidence=0.9)
            for t, x in zip(times, middles, strict=True)
        ]
    )
    shots = [Shot(range=TimeRange(start_s=0, end_s=15)), Shot(range=TimeRange(start_s=15, end_s=SOURCE_S))]
    vision = VisionAnalysis(shots=shots, face_tracks=[face])
    return work.Request(path, folder, task, (AudioAnalysis(words=words),), (vision,), threads)


def bare(path: Path, folder: Path, threads: int) -> None:
    """What a user would type, twice: measure, then make."""
    cut = ["-ss", str(CLIP_START_S), "-t", str(CLIP_S), "-i", str(path)]
    target = "loudnorm=I=-14:TP=-1.5:LRA=11"
    log = _run([*cut, "-map", "0:a", "-af", f"{target}:print_format=json", "-f", "null", "-"], folder)
    found = dict(MEASURED.findall(log))
    loudness = (
        f"{target}:measured_I={found['input_i']}:measured_TP={found['input_tp']}:measured_LRA={found['input_lra']}:"
        f"measured_thresh={found['input_thresh']}:offset={found['target_offset']}:linear=true"
    )
    moving = f"if(lt(t,9),182,182+{WIDTH}*(t-9)*0.03)"
    picture = f"crop=404:720:x='{moving}':y=0,scale=720:1280,setsar=1,ass={CAPTIONS}:fontsdir={FONTS},format=yuv420p"
    preset, crf = work.ENCODINGS[False]
    _run(
        [
            "-threads",
            str(threads),
            "-filter_threads",
            str(threads),
            *cut,
            "-vf",
            picture,
            "-af",
            loudness,
            "-c:v",
            "libx264",
            "-preset",
            preset,
            "-crf",
            str(crf),
            "-threads",
            str(threads),
            "-c:a",
            "aac",
            "-b:a",
            "160k",
            "-ar",
            "48000",
            "-ac",
            "2",
            "-movflags",
            "+faststart",
            "bare.mp4",
        ],
        folder,
    )


def _run(arguments: list[str], folder: Path) -> str:
    command = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-nostats", "-y", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stderr


@dataclass(frozen=True)
class Took:
    """Wall time, and processor time of this process and what it ran: the steadier one on a busy machine."""

    wall_s: float
    cpu_s: float


def _took(call: Callable[[], object]) -> Took:
    wall, cpu = time.monotonic(), sum(os.times()[:4])
    call()
    return Took(time.monotonic() - wall, sum(os.times()[:4]) - cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="each round runs both; the quickest of each counts")
    rounds = parser.parse_args().rounds
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    renders, checks, bares = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = source(folder)
        for number in range(rounds + 1):
            made = folder / f"round-{number}"
            made.mkdir()
            asked = request(path, made, threads)
            written: list[work.Made] = []
            render = _took(lambda asked=asked, written=written: written.append(work.make(asked, lambda _: None)))
            check = _took(lambda asked=asked, written=written: work.checked(asked, written[0]))
            plain = _took(lambda made=made: bare(path, made, threads))
            # The first round warms caches: imports of the one, the file of both.
            if number:
                renders.append(render)
                checks.append(check)
                bares.append(plain)
        sizes = {"render_bytes": (made / VIDEO).stat().st_size, "bare_bytes": (made / "bare.mp4").stat().st_size}
    render_s, check_s, bare_s = (min(took.wall_s for took in all_) for all_ in (renders, checks, bares))
    print(
        json.dumps(
            {
                "clip_s": CLIP_S,
                "threads": threads,
                "rounds": rounds,
                "bare_s": round(bare_s, 2),
                "render_s": round(render_s, 2),
                "check_s": round(check_s, 2),
                "ratio": round(render_s / bare_s, 3),
                "ratio_limit": 1.1,
                "cpu_ratio": round(min(t.cpu_s for t in renders) / min(t.cpu_s for t in bares), 3),
                "check_share": round(check_s / render_s, 3),
                "check_share_limit": 0.25,
                **sizes,
            }
        )
    )


if __name__ == "__main__":
    main()
