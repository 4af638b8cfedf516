"""Make the project's sample video with known truth: python make_sample.py OUT_DIR [--minutes N].

Writes OUT_DIR/sample.mp4 and OUT_DIR/sample.truth.json, and with --minutes also OUT_DIR/sample-Nmin.mp4 and a truth
that says how long it is. Does nothing when they are there and were made by this version. See README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from assemble import encode, repeat
from frames import Camera
from script_text import TALK, Line
from soundtrack import envelope, mix, voice_tracks
from speech import load_voices
from timeline import lay_out
from truth import is_current, script_version, write_truth


def main() -> None:
    """Read the arguments, make what is missing."""
    parser = argparse.ArgumentParser(description="Make the sample video with known truth.")
    parser.add_argument("out_dir", type=Path, help="folder for sample.mp4 and sample.truth.json")
    parser.add_argument("--minutes", type=int, help="also a video of about so many minutes: whole copies of the talk")
    arguments = parser.parse_args()
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    video, truth = arguments.out_dir / "sample.mp4", arguments.out_dir / "sample.truth.json"
    if is_current(truth, video):
        print(f"{video} is there and up to date")
    else:
        make(video, truth)
    if arguments.minutes:
        make_long(video, truth, arguments.minutes)


def make(video: Path, truth: Path) -> None:
    """Speak, lay out, draw, mix, encode, and last write the truth: with it the sample counts as made."""
    started = time.monotonic()
    truth.unlink(missing_ok=True)
    voices = load_voices()
    timeline = lay_out([voices[line.speaker].say(line.text) for line in TALK if isinstance(line, Line)])
    print(f"spoken: {len(timeline.sentences)} sentences, {timeline.duration_s:.2f} s ({_since(started)})", flush=True)
    tracks = voice_tracks(timeline)
    camera = Camera(timeline, {speaker: envelope(track, timeline.frames) for speaker, track in tracks.items()})
    encode((camera.frame(i) for i in range(timeline.frames)), mix(timeline, tracks), video)
    write_truth(timeline, camera, truth)
    print(f"{video}: {timeline.frames} frames, {video.stat().st_size / 1e6:.1f} MB ({_since(started)})")


def make_long(video: Path, truth: Path, minutes: int) -> None:
    """Copies of the sample end to end, with a truth of the length and of the talk's period only."""
    out, out_truth = video.with_name(f"sample-{minutes}min.mp4"), video.with_name(f"sample-{minutes}min.truth.json")
    if is_current(out_truth, out):
        print(f"{out} is there and up to date")
        return
    period_s = float(json.loads(truth.read_text(encoding="utf-8"))["duration_s"])
    duration_s = repeat(video, period_s, minutes, out)
    facts = {
        "version": 1,
        "script_version": script_version(),
        "duration_s": round(duration_s, 4),
        "period_s": period_s,
        "period_truth": truth.name,
    }
    out_truth.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{out}: {duration_s:.1f} s, {out.stat().st_size / 1e6:.1f} MB")


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


if __name__ == "__main__":
    main()
