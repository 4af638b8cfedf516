"""Subtitle files beside the video: SubRip and WebVTT."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill_render.domain.captions import Caption


def srt_of(captions: Sequence[Caption]) -> str:
    """A SubRip file. Where speakers are known, each that begins to speak is named."""
    blocks, speaker = [], None
    for number, caption in enumerate(captions, 1):
        lines = list(caption.text_lines)
        if caption.speaker is not None and caption.speaker != speaker:
            lines[0] = f"{_name(caption.speaker)}: {lines[0]}"
        speaker = caption.speaker if caption.speaker is not None else speaker
        times = f"{_time(caption.start_cs, ',')} --> {_time(caption.end_cs, ',')}"
        blocks.append(f"{number}\n{times}\n" + "\n".join(lines) + "\n")
    return "\n".join(blocks)


def vtt_of(captions: Sequence[Caption], language: str) -> str:
    """A WebVTT file; who speaks is in each cue's voice tag, where that is known."""
    head = "WEBVTT\n" + (f"Language: {language}\n" if language else "")
    cues = []
    for number, caption in enumerate(captions, 1):
        text = "\n".join(_escaped(line) for line in caption.text_lines)
        voice = f"<v {_name(caption.speaker)}>" if caption.speaker is not None else ""
        times = f"{_time(caption.start_cs, '.')} --> {_time(caption.end_cs, '.')}"
        cues.append(f"{number}\n{times}\n{voice}{text}\n")
    return "\n".join([head, *cues])


def _name(speaker: int) -> str:
    return f"Speaker {speaker}"


def _escaped(text: str) -> str:
    """Text that WebVTT shows as it stands; escaped, "-->" ends no cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(time_cs: int, point: str) -> str:
    seconds, hundredths = divmod(time_cs, 100)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{hundredths:02}0"
