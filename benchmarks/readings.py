"""Readings of others' texts, to measure sentence ends on.

`.venv-sample/bin/python benchmarks/readings.py TEXTS FOLDER COUNT`

TEXTS is gzipped JSON lines with "lines" of a talk each, or a folder of NAME.txt, a talk each. Of each a passage of some
50 s is read by one of the two voices in turn, with pauses of .1 to 1.5 s between its sentences. A reading is NAME.wav
(16 kHz) and NAME.json: text, start_s and end_s of each sentence, from its first word to its last. They are for
measuring only: the texts are others'.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import wave
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

# The sample's voices, in the sample's environment.
sys.path.insert(0, str(Path(__file__).parents[1] / "tools" / "sample"))
from speech import RATE, Voice, load_voices  # type: ignore[import-not-found]

LENGTH_S = 50.0
PAUSES_S = (0.1, 1.5)
LEAD_S = 0.4
# What stays of the sound beside a sentence's first and last word.
BESIDE_S = 0.05
HEARD_HZ = 16_000
# Both voices read plain sentences that they can be asked for in one go.
PLAIN = re.compile(r"[A-Z][^\d&]{2,250}[.?!]")


def sentences(lines: list[str]) -> list[str]:
    """The plain sentences of a talk's subtitle lines, in order."""
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]|\"", "", " ".join(lines)).replace("--", ",").replace("—", ",")
    text = re.sub(r"\s+", " ", text).replace(" ,", ",")
    found = (sentence.strip() for sentence in re.findall(r"[^.?!]+[.?!]+", text))
    return [sentence for sentence in found if PLAIN.fullmatch(sentence)]


def read(said: list[str], voice: Voice, rng: random.Random) -> tuple[np.ndarray, list[dict[str, object]]]:
    """The sound of a passage and its sentences' times."""
    sound, truth, at_s = [np.zeros(round(LEAD_S * RATE), np.float32)], [], LEAD_S
    for text in said:
        try:
            spoken = voice.say(text)
        except ValueError:
            # One that the voice reads as several.
            continue
        first_s, last_s = spoken.words[0].start_s, spoken.words[-1].end_s
        begin, end = round(max(first_s - BESIDE_S, 0) * RATE), round((last_s + BESIDE_S) * RATE)
        pause = np.zeros(round((rng.uniform(*PAUSES_S) - 2 * BESIDE_S) * RATE), np.float32)
        part = spoken.samples[begin:end]
        truth.append({"text": text, "start_s": at_s + first_s - begin / RATE, "end_s": at_s + last_s - begin / RATE})
        sound += [part, pause]
        at_s += (len(part) + len(pause)) / RATE
        if at_s > LENGTH_S:
            break
    return np.concatenate(sound), truth


def main() -> None:
    texts, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    rng, voices, made = random.Random(5), list(load_voices().values()), 0
    if texts.is_dir():
        talks = [path.read_text("utf-8").split("\n") for path in sorted(texts.glob("*.txt"))]
    else:
        with gzip.open(texts, "rt") as file:
            talks = [json.loads(line)["lines"] for line in file]
    rng.shuffle(talks)
    for lines in talks:
        if made == count:
            break
        said = sentences(lines)
        if len(said) < 30:
            continue
        begin = rng.randrange(5, len(said) - 22)
        sound, truth = read(said[begin:], voices[made % 2], rng)
        samples = np.clip(resample_poly(sound, 1, RATE // HEARD_HZ), -1, 1)
        name = folder / f"reading-{made:02d}"
        with wave.open(str(name.with_suffix(".wav")), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(HEARD_HZ)
            out.writeframes((samples * 32767).astype("<i2").tobytes())
        name.with_suffix(".json").write_text(json.dumps(truth))
        made += 1


if __name__ == "__main__":
    main()
