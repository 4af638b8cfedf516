"""The sound of the clip's file: cut out, edited, mixed, and the gain that it needs."""

from __future__ import annotations

from pathlib import Path

from clipmill_render import commands, ffmpeg
from clipmill_render.captioning import Spoken
from clipmill_render.commands import Cut
from clipmill_render.domain.loudness import Gain, Measured, corrected, gain_for
from clipmill_render.exchange import Request
from clipmill_render.mixing import Mix, silence
from clipmill_render.sound import edit_sound


def soundtrack(request: Request, cut: Cut, told: Spoken, mix: Mix, target_lufs: float) -> Gain:
    """Write SOUND, and find the gain that brings it to the target; with a limiter, by trying it once."""
    folder = request.folder
    has_own = request.task.info.HasField("audio")
    source = _cut_out(request, cut, told) if has_own else silence(cut.timing.duration_s, folder)
    if mix.is_needed:
        mix.into(folder, source)
        source = _loudness(folder)
    gain = gain_for(source, target_lufs)
    if gain.limited:
        tried = commands.measured(ffmpeg.run(commands.gained_command(gain), folder))
        gain = corrected(gain, tried, target_lufs)
    return gain


def _cut_out(request: Request, cut: Cut, told: Spoken) -> Measured:
    log = ffmpeg.run(commands.sound_command(cut, request.task.info), request.folder)
    muted = told.coarse if told.are_silent else []
    if not muted and cut.timeline.is_whole:
        return commands.measured(log)
    edit_sound(request.folder / commands.SOUND, cut.timeline, muted)
    return _loudness(request.folder)


def _loudness(folder: Path) -> Measured:
    return commands.measured(ffmpeg.run(commands.edited_command(), folder))
