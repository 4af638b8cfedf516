"""The sound: the voices on the timeline, an audience, and a room. Stereo float32 at RATE samples a second."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt
from script_text import Speaker
from speech import RATE, SEED
from timeline import FPS, Sentence, Timeline

Samples = npt.NDArray[np.float32]

LEAD_S, TAIL_S = 0.06, 0.10
"""What is kept of a sentence's audio before its first and after its last word: breath in, and the sound dying away."""

VOICE_RMS = 0.09  # -21 dBFS while speaking, near the loudness of a podcast
KNEE = 0.6
ROOM_RMS = 0.0008  # -62 dBFS
APPLAUSE_RMS = 0.06  # -24 dBFS
CLAPS_PER_S = 110
PAN: dict[Speaker, float] = {"host": -0.25, "guest": 0.25}
"""Where the voices are, -1 left to 1 right: as on the wide shot."""


def voice_tracks(timeline: Timeline) -> dict[Speaker, Samples]:
    """Each speaker alone, mono, as long as the video, at VOICE_RMS while speaking."""
    length = timeline.frames * RATE // FPS
    tracks: dict[Speaker, Samples] = {s: np.zeros(length, np.float32) for s in PAN}
    for sentence in timeline.sentences:
        start, samples = _edges(sentence)
        tracks[sentence.speaker][start : start + len(samples)] += samples
    for speaker, track in list(tracks.items()):
        spoken = np.concatenate(
            [track[round(s.start_s * RATE) : round(s.end_s * RATE)] for s in timeline.sentences if s.speaker == speaker]
        )
        tracks[speaker] = track * np.float32(VOICE_RMS / np.sqrt(np.mean(spoken**2)))
    return tracks


def mix(timeline: Timeline, voices: dict[Speaker, Samples]) -> npt.NDArray[np.float32]:
    """The whole soundtrack, shape (samples, 2), within -1..1."""
    random = np.random.default_rng(SEED)
    length = timeline.frames * RATE // FPS
    sound = _room(length, random)
    for speaker, track in voices.items():
        angle = (PAN[speaker] + 1) * np.pi / 4  # equal power
        sound += np.sqrt(2) * track[:, None] * np.array([np.cos(angle), np.sin(angle)], np.float32)
    for event in timeline.events:
        if event.name == "applause":
            start, end = round(event.start_s * RATE), round(event.end_s * RATE)
            sound[start:end] += _applause(end - start, random)
    return _limited(sound)


def envelope(track: Samples, frames: int) -> npt.NDArray[np.float32]:
    """How loud a voice is in each video frame, 0 to 1: RMS of the frame against the 90th percentile of its frames."""
    rms = np.sqrt(np.mean(track[: frames * RATE // FPS].reshape(frames, -1) ** 2, axis=1))
    return np.clip(rms / np.percentile(rms[rms > VOICE_RMS / 10], 90), 0, 1).astype(np.float32)


def write_wav(path: Path, sound: Samples) -> None:
    """16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())


def _limited(sound: Samples) -> Samples:
    """Bend what is above KNEE so that nothing reaches 1: a few plosives of the voices are that loud."""
    over = np.maximum(np.abs(sound) - KNEE, 0)
    bent = KNEE + (0.97 - KNEE) * np.tanh(over / (0.97 - KNEE))
    return np.where(over > 0, np.sign(sound) * bent, sound).astype(np.float32)


def _edges(sentence: Sentence) -> tuple[int, Samples]:
    """First sample on the timeline and the sentence's samples, faded at both ends."""
    words, samples = sentence.spoken.words, sentence.spoken.samples
    first = max(0, round((words[0].start_s - LEAD_S) * RATE))
    last = min(len(samples), round((words[-1].end_s + TAIL_S) * RATE))
    kept = samples[first:last].copy()
    fade_in, fade_out = round(LEAD_S * RATE / 2), round(TAIL_S * RATE / 2)
    kept[:fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    kept[-fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32)
    return round(sentence.audio_start_s * RATE) + first, kept


def _room(length: int, random: np.random.Generator) -> Samples:
    """Low noise, mostly below 400 Hz, a little different on the two sides."""
    noise = random.standard_normal((length, 2))
    low = sosfilt(butter(2, (40, 400), "bandpass", fs=RATE, output="sos"), noise, axis=0)
    room = low / np.sqrt(np.mean(low**2)) + 0.25 * noise
    return (room * (ROOM_RMS / np.sqrt(np.mean(room**2)))).astype(np.float32)


def _applause(length: int, random: np.random.Generator) -> Samples:
    """Many short bursts of filtered noise, swelling and dying away inside `length` samples."""
    clap = np.exp(-np.arange(round(0.02 * RATE)) / (0.004 * RATE))
    bursts = np.zeros((length, 2))
    for start in random.integers(0, length - len(clap), CLAPS_PER_S * length // RATE):
        side = random.uniform(0.2, 0.8)
        hit = clap * random.standard_normal(len(clap)) * random.uniform(0.3, 1)
        bursts[start : start + len(clap)] += hit[:, None] * (side, 1 - side)
    hands = sosfilt(butter(2, (700, 3500), "bandpass", fs=RATE, output="sos"), bursts, axis=0)
    hands *= APPLAUSE_RMS / np.sqrt(np.mean(hands**2))
    at_s, left_s = np.arange(length) / RATE, np.arange(length)[::-1] / RATE
    swell = np.minimum(1, at_s / 0.35) * np.minimum(1, left_s / 1.2)
    return (hands * swell[:, None]).astype(np.float32)
