"""Music under the clip, and the sound of its cards: mixed into SOUND, which is the whole file's afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipmill.clips.v1.clips_pb2 import Finish
from clipmill_render import commands, ffmpeg
from clipmill_render.branding import SOUNDS, Branding
from clipmill_render.domain.assembly import Assembly
from clipmill_render.domain.loudness import Measured
from clipmill_render.domain.mixing import USUAL_BELOW_LU, Samples, Sound, faded, gain_to, music_under, placed
from clipmill_render.domain.timeline import Span
from clipmill_render.editing import Kept
from clipmill_render.exchange import Request
from clipmill_render.ffmpeg import FORMATS, input_limits

DECODED = "decoded.wav"
RATE_HZ = commands.RATE_HZ


@dataclass(frozen=True)
class Mix:
    """What is heard beside the clip's own sound: of cards, and music. `speech` is on the file's clock."""

    assembly: Assembly
    finish: Finish
    branding: Branding
    music: Path | None
    speech: tuple[Span, ...]

    @property
    def is_needed(self) -> bool:
        return self.music is not None or not self.assembly.is_plain

    @property
    def has_sound(self) -> bool:
        """True when there is something to be heard beside the clip."""
        return self.music is not None or bool(self._cards)

    @property
    def _cards(self) -> dict[str, Span]:
        """The cards that have a sound, and when they are seen wholly or in part."""
        assembly, fps = self.assembly, self.assembly.clip.fps
        seen = {
            "intro": Span(0.0, assembly.intro / fps),
            "outro": Span(assembly.outro_begins / fps, assembly.whole.duration_s),
        }
        facts = self.branding.facts
        return {role: span for role, span in seen.items() if role in facts and facts[role].has_sound}

    def into(self, folder: Path, clip: Measured) -> None:
        """Rewrite SOUND, the clip's, whose loudness is `clip`."""
        from scipy.io import wavfile  # type: ignore[import-untyped]

        path, count = folder / commands.SOUND, round(self.assembly.whole.duration_s * RATE_HZ)
        _, own = wavfile.read(path)
        mixed = placed(own, round(self.assembly.begins_s * RATE_HZ), count)
        level = None if clip.is_silent else clip.loudness_lufs
        fade = round(self.assembly.fade / self.assembly.clip.fps * RATE_HZ)
        for role, span in self._cards.items():
            card = _decoded(self.branding.files[role], span.length_s, folder)
            # The clip's own sound is whole: the first word is not faded, the card's sound fades beneath it.
            ramps = (0, fade) if role == "intro" else (fade, 0)
            sound = faded(card.samples * np.float32(gain_to(card.loudness, level)), *ramps)
            mixed += placed(sound, round(span.start_s * RATE_HZ), count)
        if self.music is not None:
            asked = self.finish.music
            below_lu = asked.below_lu if asked.HasField("below_lu") else USUAL_BELOW_LU
            music = _decoded(self.music, self.assembly.whole.duration_s, folder)
            mixed += music_under(
                music.samples * np.float32(gain_to(music.loudness, level)),
                count,
                RATE_HZ,
                speech=self.speech,
                silent=list(self._cards.values()),
                below_lu=below_lu,
            )
        wavfile.write(path, RATE_HZ, mixed)


def silence(duration_s: float, folder: Path) -> Measured:
    """Write SOUND for a clip without one."""
    from scipy.io import wavfile

    samples: Samples = np.zeros((round(duration_s * RATE_HZ), 2), np.float32)
    wavfile.write(folder / commands.SOUND, RATE_HZ, samples)
    return Measured(-70.0, -70.0)


def _decoded(path: Path, at_most_s: float, folder: Path) -> Sound:
    from scipy.io import wavfile

    arguments = [
        *input_limits(f"{FORMATS},{SOUNDS}"), "-t", f"{at_most_s:.6f}", "-i", f"file:{path}", "-map", "0:a:0",
        "-af", f"aresample={RATE_HZ},aformat=sample_fmts=flt:channel_layouts=stereo,ebur128=framelog=quiet:peak=sample",
        "-c:a", "pcm_f32le", DECODED,
    ]  # fmt: skip
    loudness = commands.measured(ffmpeg.run(arguments, folder))
    samples = wavfile.read(folder / DECODED)[1]
    (folder / DECODED).unlink()
    return Sound(samples, loudness)


def speech_in(request: Request, kept: Kept, begins_s: float) -> tuple[Span, ...]:
    """When somebody speaks in the clip, on the clock of its file, in which it begins at `begins_s`."""
    start_s = request.task.clip.range.start_s
    voices = (span for part in request.audio for span in part.speech)
    heard = (kept.timeline.shown(span.start_s - start_s, span.end_s - start_s) for span in voices)
    words = [Span(word.start_s, word.end_s) for word in kept.words]
    spans = [*words, *(span for spans in heard for span in spans)]
    return tuple(Span(span.start_s + begins_s, span.end_s + begins_s) for span in spans)
