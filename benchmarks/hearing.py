"""How right the words are: wrong ones in percent, beside the same recogniser given fixed pieces of the same sound.

The project's sample, and jfk.flac and sample.wav where they are at hand.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from pathlib import Path

import jiwer
import numpy as np
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached
from clipmill_audio.models.moonshine import Transcriber
from clipmill_audio.speech_file import RATE_HZ
from numpy.typing import NDArray

from benchmarks.audio_path import RECORDINGS, SAMPLE, decoded, write_flac
from clipmill_shared.compute import Children

PIECE_S = 15
JFK = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


def truths() -> dict[Path, str]:
    """What is said in each sound."""
    sample = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    found = {SAMPLE: " ".join(word["text"] for word in sample["words"])}
    if RECORDINGS.is_dir():
        turns = (RECORDINGS / "sample.stm").read_text().splitlines()
        found[RECORDINGS / "jfk.flac"] = JFK
        found[RECORDINGS / "sample.wav"] = " ".join(line.split(None, 5)[5] for line in turns if line.strip())
    return found


def wrong(truth: str, heard: str) -> float:
    """In percent."""
    return round(100 * jiwer.wer(_plain(truth), _plain(heard) or "-"), 1)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower().replace("-", " ")))


def in_pieces(transcriber: Transcriber, samples: NDArray[np.int16]) -> str:
    size = PIECE_S * RATE_HZ
    pieces = (samples[at : at + size].astype(np.float32) / np.float32(32768) for at in range(0, len(samples), size))
    return " ".join(transcriber.text(piece) for piece in pieces)


async def measure(folder: Path) -> dict[str, object]:
    children = Children("clipmill_audio.work:hear", slots=1)
    transcriber = Transcriber()
    table = {}
    for path, truth in truths().items():
        samples = decoded(path)
        speech = folder / "speech.flac"
        write_flac(speech, samples)
        heard = await children.run(Part(speech, Span(0, len(samples) / RATE_HZ), [Reached(MOONSHINE)]))
        assert isinstance(heard, Heard)
        words = " ".join(word.text for word in heard.analysis.words)
        table[path.name] = {
            "words": len(_plain(truth).split()),
            "wrong": wrong(truth, words),
            "wrong_in_pieces_of_15_s": wrong(truth, in_pieces(transcriber, samples)),
        }
    await children.close()
    return {"wrong_percent": table}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder)))))


if __name__ == "__main__":
    main()
