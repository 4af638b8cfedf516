"""A brand's files in the clip: what they are, and the filters that draw the logo and join the cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from clipmill.clips.v1.clips_pb2 import Brand, Card
from clipmill_render.captioning import Scenery
from clipmill_render.domain.assembly import Assembly, frames_of
from clipmill_render.domain.expression import expression_of, pieces_of
from clipmill_render.domain.graph import FRAMED, Timing
from clipmill_render.domain.layout import Layout, even
from clipmill_render.domain.lettering import Lettering
from clipmill_render.domain.logo import USUAL_WIDTH, Places, Stand, Taken, size_of, stands
from clipmill_render.ffmpeg import FORMATS, input_limits
from clipmill_shared.errors import ClipmillError

# What ingest lets in as an asset (its assets.py).
PICTURES = "png_pipe,jpeg_pipe,webp_pipe"
SOUNDS = "mp3,wav,flac,aac,aiff"
USUAL_CARD_S, LONGEST_CARD_S = 2.0, 15.0
# A card whose shape differs less than this fills the frame; another stands on the brand's background.
NEARLY = 0.06
BLACK = "#000000"


@dataclass(frozen=True)
class Facts:
    """What a file is: pixels as shown, seconds (0 for a picture), and which streams it has."""

    width: int
    height: int
    length_s: float
    has_sound: bool


@dataclass(frozen=True)
class Ground:
    """The clip's frames that a brand is drawn on; `matrix` is that of its colours, as ffmpeg names it."""

    layout: Layout
    matrix: str

    @property
    def tagged(self) -> str:
        """Of a `scale` from RGB."""
        return f"out_range=tv:out_color_matrix={self.matrix}"


@dataclass(frozen=True)
class Drawn:
    """Filters from [FRAMED] on, "" for none, and the label of the file's frames after them."""

    graph: str
    label: str


@dataclass(frozen=True)
class Branding:
    """What of a brand is drawn: its files by role ("logo", "intro", "outro"), and what they are."""

    brand: Brand
    files: Mapping[str, Path]
    facts: Mapping[str, Facts]

    @classmethod
    def of(cls, brand: Brand, assets: Mapping[str, Path]) -> Branding:
        """ClipmillError INPUT_ASSET_UNREADABLE."""
        files = {role: assets[role] for role in ("logo", "intro", "outro") if role in assets}
        return cls(brand, files, {role: facts_of(path, role) for role, path in files.items()})

    def assembly(self, clip: Timing) -> Assembly:
        frames = {role: frames_of(self._length_s(role), clip) for role in ("intro", "outro") if role in self.files}
        return Assembly(clip, frames.get("intro", 0), frames.get("outro", 0))

    def _length_s(self, role: str) -> float:
        card: Card = getattr(self.brand, role)
        given_s = card.length_s if card.HasField("length_s") else USUAL_CARD_S
        return min(self.facts[role].length_s, LONGEST_CARD_S) or given_s

    @property
    def has_logo(self) -> bool:
        return "logo" in self.files

    def stands(self, scenery: Scenery, captions: Sequence[Taken], lettering: Lettering) -> list[Stand]:
        """Where the logo stands, shot by shot."""
        size = self._logo_size(lettering.width)
        places = Places(scenery.shots, scenery.faces, captions, lettering)
        return stands(self.brand.logo.corner, size, places)

    def _logo_size(self, width: int) -> tuple[int, int]:
        facts, share = self.facts["logo"], self.brand.logo.width if self.brand.logo.HasField("width") else USUAL_WIDTH
        return size_of(facts.width, facts.height, width * share)

    def drawn(self, assembly: Assembly, ground: Ground, stands: Sequence[Stand], first_input: int) -> Drawn:
        """The logo, and the cards before and after; the inputs begin at `first_input`."""
        parts: list[str] = []
        shown = FRAMED
        for number, role in enumerate(self.files, first_input):
            if role == "logo":
                parts += self._logo(number, stands, assembly.clip, ground)
                shown = "marked"
            else:
                parts += self._card(number, role, assembly, ground)
        if assembly.is_plain:
            return Drawn(";\n".join(parts), shown)
        counted = _counted(assembly.clip.rate, assembly.clip.count)
        parts.append(f"[{shown}]{counted},settb=AVTB,format=yuv420p[proper]")
        shown, fade_s = "proper", assembly.fade / assembly.clip.fps
        if assembly.intro:
            parts.append(f"[intro][{shown}]xfade=duration={fade_s:.6f}:offset={assembly.begins_s:.6f}[introduced]")
            shown = "introduced"
        if assembly.outro:
            at_s = assembly.outro_begins / assembly.clip.fps
            parts.append(f"[{shown}][outro]xfade=duration={fade_s:.6f}:offset={at_s:.6f}[ended]")
            shown = "ended"
        return Drawn(";\n".join(parts), shown)

    def _logo(self, number: int, stands: Sequence[Stand], timing: Timing, ground: Ground) -> Iterator[str]:
        logo, (width, height) = self.brand.logo, self._logo_size(ground.layout.width)
        left, top = (_held([(stand, getattr(stand, side)) for stand in stands], timing) for side in ("left", "top"))
        clear = f"colorchannelmixer=aa={logo.opacity:.3f}," if logo.HasField("opacity") else ""
        scaled = f"scale={width}:{height}:flags=area:{ground.tagged}"
        yield f"[{number}:v]format=rgba,{clear}{scaled},format=yuva420p[logo]"
        yield f"[{FRAMED}][logo]overlay=x='{left}':y='{top}':eof_action=repeat,setsar=1[marked]"

    def _card(self, number: int, role: str, assembly: Assembly, ground: Ground) -> Iterator[str]:
        """A card in frames of the clip's size, on the brand's background; its last picture stays."""
        facts, layout, rate = self.facts[role], ground.layout, assembly.clip.rate
        frames = assembly.intro if role == "intro" else assembly.outro
        ratio = (facts.width / facts.height) / (layout.width / layout.height)
        factors = (layout.width / facts.width, layout.height / facts.height)
        factor = max(factors) if abs(ratio - 1) < NEARLY else min(factors)
        width, height = (even(pixels * factor) for pixels in (facts.width, facts.height))
        colour = (self.brand.colours.background or BLACK).replace("#", "0x")
        yield (
            f"color=c={colour}:s={layout.width}x{layout.height}:r={rate},trim=end_frame={frames},format=gbrp,"
            f"scale={ground.tagged},format=yuv420p[{role}on]"
        )
        scaled = f"scale={width}:{height}:flags=bicubic:{ground.tagged}"
        yield f"[{number}:v]setpts=PTS-STARTPTS,{scaled},format=yuva420p[{role}of]"
        yield (
            f"[{role}on][{role}of]overlay=x=(W-w)/2:y=(H-h)/2:eof_action=repeat,setsar=1,"
            f"{_counted(rate, frames)},settb=AVTB,format=yuv420p[{role}]"
        )

    @property
    def inputs(self) -> list[list[str]]:
        """Arguments that open each of the files, in order."""
        return [[*input_limits(f"{FORMATS},{PICTURES}"), "-i", f"file:{path}"] for path in self.files.values()]


def facts_of(path: Path, role: str) -> Facts:
    """What a brand's file is. ClipmillError INPUT_ASSET_UNREADABLE."""
    options = {"format_whitelist": f"{FORMATS},{PICTURES}", "protocol_whitelist": "file"}
    try:
        with av.open(str(path), options=options, metadata_errors="replace") as container:
            picture = container.streams.video[0]
            is_still = container.format.name in PICTURES.split(",")
            length_s = 0.0 if is_still else float((container.duration or 0) / av.time_base)
            pixel = float(picture.sample_aspect_ratio or 1) or 1.0
            frame = next(container.decode(picture))
            width, height = frame.width * pixel, float(frame.height)
            shown = (height, width) if round(frame.rotation / 90) % 2 else (width, height)
            return Facts(round(shown[0]), round(shown[1]), length_s, bool(container.streams.audio))
    except (av.FFmpegError, IndexError, StopIteration, ValueError) as error:
        raise ClipmillError(
            "INPUT_ASSET_UNREADABLE", f"The brand's {role} cannot be read ({error}).", "Give another file for it."
        ) from None


def _counted(rate: str, frames: int) -> str:
    """Filters to exactly so many frames: behind an overlay whose inputs have ended, fps alone never ends."""
    return f"fps={rate},trim=end_frame={frames}"


def _held(places: Sequence[tuple[Stand, int]], timing: Timing) -> str:
    """An expression of the time: a number through each shot."""
    values = np.zeros(timing.count)
    for stand, value in places:
        values[timing.frame_at(stand.shot.start_s) :] = value
    return expression_of(pieces_of(values, 0.0), timing.fps)
