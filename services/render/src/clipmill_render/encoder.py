"""Which encoder compresses the picture: a machine's own where it works, which a tiny encoding shows, else x264."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clipmill_render import ffmpeg

SOFTWARE = "libx264"
AUTO = "auto"
TRIAL_S = 20.0
RENDER_NODE = Path("/dev/dri/renderD128")


@dataclass(frozen=True)
class Encoder:
    """`name` as ffmpeg has it, and why this one where there was a choice."""

    name: str
    reason: str = ""

    @property
    def before(self) -> tuple[str, ...]:
        """Arguments that open the device, before the inputs."""
        return KINDS[self.name].before

    @property
    def upload(self) -> tuple[str, ...]:
        """Filters after the last one that a processor runs."""
        return KINDS[self.name].upload

    def arguments(self, preset: str, crf: int) -> list[str]:
        """Arguments for a quality like that of x264's `crf`; `preset` is x264's, too."""
        return ["-c:v", self.name, *KINDS[self.name].quality(preset, crf)]


@dataclass(frozen=True)
class Kind:
    """An encoder: whether the machine may have it, and its command line."""

    may_be_here: Callable[[], bool]
    quality: Callable[[str, int], Sequence[str]]
    before: tuple[str, ...] = ()
    upload: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "h264_nvenc": Kind(
        lambda: Path("/dev/nvidiactl").exists(),
        lambda _, crf: ("-preset", "p5", "-rc", "vbr", "-cq", str(crf + 2), "-b:v", "0", "-profile:v", "high"),
    ),
    "h264_videotoolbox": Kind(
        lambda: sys.platform == "darwin",
        lambda _, crf: ("-q:v", str(100 - 2 * crf), "-profile:v", "high"),
    ),
    "h264_vaapi": Kind(
        RENDER_NODE.exists,
        lambda _, crf: ("-qp", str(crf), "-profile:v", "high"),
        before=("-vaapi_device", str(RENDER_NODE)),
        upload=("format=nv12", "hwupload"),
    ),
    SOFTWARE: Kind(lambda: True, lambda preset, crf: ("-preset", preset, "-crf", str(crf), "-profile:v", "high")),
}


@cache
def encoder_for(asked: str) -> Encoder:
    """The encoder `asked` for, one of KINDS or AUTO: the first of the machine's that encodes. Where none does, x264."""
    wanted = [name for name in KINDS if name != SOFTWARE and (asked in (name, AUTO))]
    failed = []
    for name in wanted:
        if asked == AUTO and not KINDS[name].may_be_here():
            continue
        fault = _fault_of(name)
        if not fault:
            return Encoder(name)
        failed.append(f"{name} does not work here: {fault}")
    return Encoder(SOFTWARE, "; ".join(failed))


def _fault_of(name: str) -> str:
    """What is wrong with an encoder, "" when it encodes ten frames."""
    encoder = Encoder(name)
    frames = "color=c=gray:s=320x240:r=25:d=0.4"
    filters = ",".join(["format=yuv420p", *encoder.upload])
    command = [ffmpeg.executable(), "-v", "error", "-nostdin", *encoder.before, "-f", "lavfi", "-i", frames]
    command += ["-vf", filters, *encoder.arguments("veryfast", 21), "-f", "null", "-"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TRIAL_S, check=False)
    except subprocess.TimeoutExpired:
        return f"it did not encode ten frames in {TRIAL_S:.0f} s"
    if ran.returncode == 0:
        return ""
    # The first line is the most specific: "Cannot load libcuda.so.1".
    said = next((line for line in ran.stderr.splitlines() if line.strip()), f"ffmpeg ended with {ran.returncode}")
    return re.sub(r"^(\[[^]]*\]\s*)+", "", said).rstrip(".")
