"""Is the same recording found in other encodings, and no other one; what does it cost, and what does it save.

Recordings: the sample talk, and where a developer has them those of ../shared/media of at least 20 s. Each is encoded
in the ways below and compared with all: a hit is `likeness` at the offset that the sketches propose. A "voice" is the
same words at the same times in another voice (pitch moved by half a tone), a "speed" the same 2 % faster: neither may
match.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clipmill_audio.domain.moved import REACH_S, agreed, find, probes
from clipmill_audio.domain.timed import Span
from clipmill_ingest.domain.fingerprint import RATE_HZ, Ear, Prints, sketch
from clipmill_ingest.domain.likeness import LEAST_VOTES, likeness, votes
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray

from benchmarks.command import run_clipmill
from benchmarks.long_video import FOLDER, ROOT, long_video

MEDIA = ROOT.parent / "shared" / "media"
RECORDINGS = ("sample.wav", "dev00.wav", "tst00.wav", "issue-195-aspect-ratio.mp4")
BLOCK = 65_536
MINUTES = 10
# Each with what it is encoded by, and by how much it is later than the original.
ENCODINGS: Mapping[str, tuple[tuple[str, ...], str, float]] = {
    "mp3 96 kbit": (("-c:a", "libmp3lame", "-b:a", "96k", "-ar", "44100"), "mp3", 0.0),
    "aac 32 kbit, 22 kHz": (("-c:a", "aac", "-b:a", "32k", "-ar", "22050"), "m4a", 0.0),
    "opus 24 kbit, 14 dB quieter": (("-af", "volume=-14dB", "-c:a", "libopus", "-b:a", "24k"), "ogg", 0.0),
    "5.02 s cut, mp3 64 kbit": (("-ss", "5.02", "-c:a", "libmp3lame", "-b:a", "64k"), "mp3", -5.02),
    "5 s before, aac 96 kbit": (("-af", "adelay=5000", "-c:a", "aac", "-b:a", "96k"), "m4a", 5.0),
    "loudness normalised, .337 s cut": (
        ("-ss", "0.337", "-af", "loudnorm", "-ar", "44100", "-c:a", "aac"),
        "m4a",
        -0.337,
    ),
}
OTHERS: Mapping[str, tuple[str, ...]] = {
    "voice": ("-af", f"asetrate={RATE_HZ * 1.03:.0f},atempo={1 / 1.03:.5f},aresample={RATE_HZ}"),
    "speed": ("-af", "atempo=1.02"),
}
OFFSET_S = 0.07


@dataclass(frozen=True)
class Heard:
    of: str
    how: str
    later_s: float
    sound: NDArray[np.int16]
    prints: Prints


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        heard = list(_heard(folder))
        print(json.dumps({**_matches(heard), **_cost(heard[0]), **_saved(folder)}))


def _heard(folder: Path) -> Iterator[Heard]:
    sources = [FOLDER / "sample.mp4", *(path for name in RECORDINGS if (path := MEDIA / name).exists())]
    for source in sources:
        plain = folder / f"{source.name}.wav"
        _ffmpeg("-i", source, "-vn", "-ac", "1", "-ar", RATE_HZ, plain)
        yield _of(source.name, "", 0.0, _sound(plain))
        for how, (options, suffix, later_s) in ENCODINGS.items():
            encoded = folder / f"encoded.{suffix}"
            _ffmpeg("-i", plain, *options, encoded)
            yield _of(source.name, how, later_s, _sound(encoded))
        for how, options in OTHERS.items():
            changed = folder / "changed.wav"
            _ffmpeg("-i", plain, *options, changed)
            yield _of(source.name, how, 0.0, _sound(changed))


def _matches(heard: list[Heard]) -> dict[str, object]:
    found: dict[str, list[str]] = {how: [] for how in ENCODINGS}
    lowest, correlations = 1.0, []
    wrong, others, others_votes, others_agreed = 0, 0, 0, 0
    for here, there in itertools.permutations(heard, 2):
        count, offset = votes(sketch(here.prints), sketch(there.prints))
        like = likeness(here.prints, there.prints, offset) if count >= LEAST_VOTES else None
        if here.of == there.of and here.how in ENCODINGS and not there.how:
            is_right = like is not None and abs(like.offset_s - here.later_s) < OFFSET_S
            found[here.how].append("found" if is_right else "missed")
            if like is not None:
                lowest = min(lowest, like.agreement)
                lag_s, correlation = _compared(here, there, like.offset_s)
                correlations.append(correlation if lag_s is not None else 0.0)
        elif here.of != there.of or here.how in OTHERS:
            others += 1
            wrong += like is not None
            others_votes = max(others_votes, count if here.of != there.of else 0)
            if here.of == there.of and here.how == "voice" and not there.how:
                others_agreed += _compared(here, there, 0.0)[0] is not None
    return {
        "recordings": len({each.of for each in heard}),
        "found": {how: f"{results.count('found')} of {len(results)}" for how, results in found.items()},
        "lowest_agreement": round(lowest, 3),
        "lowest_median_correlation": round(min(correlations), 3),
        "other_pairs": others,
        "false_matches": wrong,
        "most_votes_of_another_recording": others_votes,
        "another_voice_passes_the_sound": others_agreed,
    }


def _compared(here: Heard, there: Heard, offset_s: float) -> tuple[float | None, float]:
    """What the worker sees of both sounds: the lag that its probes agree on, and their median correlation."""
    ends_s = min(len(there.sound) / RATE_HZ, len(here.sound) / RATE_HZ - offset_s)
    common = Span(max(0.0, -offset_s), ends_s)
    found = [
        find(_cut(there, span.start_s, span.end_s), _cut(here, *_about(span, offset_s)), RATE_HZ)
        for span in probes([], common)
    ]
    return agreed(found), float(np.median([each.correlation for each in found]))


def _about(span: Span, offset_s: float) -> tuple[float, float]:
    return span.start_s + offset_s - REACH_S, span.end_s + offset_s + REACH_S


def _cut(heard: Heard, start_s: float, end_s: float) -> NDArray[np.float64]:
    return heard.sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)].astype(np.float64)


def _cost(talk: Heard) -> dict[str, object]:
    """Processor seconds of a fingerprint for ten minutes, the best of three."""
    long = np.tile(talk.sound, 1 + MINUTES * 60 * RATE_HZ // len(talk.sound))[: MINUTES * 60 * RATE_HZ]
    took = []
    for _ in range(3):
        began = time.process_time()
        sketch(_prints(long))
        took.append(time.process_time() - began)
    return {"fingerprint_of_10_minutes_s": round(min(took), 3)}


def _saved(folder: Path) -> dict[str, object]:
    """Wall time of a first run of ten minutes, and of the same at 480p, 5 s cut, in another container."""
    first, again = long_video(MINUTES), folder / "again.mkv"
    _ffmpeg(
        *("-ss", "5", "-i", first, "-vf", "scale=-2:480", "-c:v", "libx264", "-preset", "veryfast"),
        *("-c:a", "libmp3lame", "-b:a", "96k", again),
    )
    runs = {
        "first_s": run_clipmill(first, folder / "data", folder / "first"),
        "re_encoded_s": run_clipmill(again, folder / "data", folder / "again"),
        "re_encoded_anew_s": run_clipmill(again, folder / "other-data", folder / "anew"),
    }
    return {name: round(run.wall_s, 1) for name, run in runs.items()}


def _of(source: str, how: str, later_s: float, sound: NDArray[np.int16]) -> Heard:
    return Heard(source, how, later_s, sound, _prints(sound))


def _prints(sound: NDArray[np.int16]) -> Prints:
    ear = Ear()
    for at in range(0, len(sound), BLOCK):
        ear.heard(sound[at : at + BLOCK])
    return ear.prints()


def _sound(path: Path) -> NDArray[np.int16]:
    command = [get_ffmpeg_exe(), "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE_HZ), "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.int16)


def _ffmpeg(*options: object) -> None:
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", *map(str, options)], check=True)


if __name__ == "__main__":
    main()
