"""How the clips of a job are finished: what the request says, with what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from clipmill.brand import fault_of, fault_of_music
from clipmill.clips.v1.clips_pb2 import ClipOptions, Finish, Masking
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.looks import LookError, whole_look
from clipmill_shared.errors import ClipmillError

CUT_PAUSES_S = (0.4, 10.0)
EXPORTS = ("otio", "edl", "fcpxml")


def finish_of(options: ClipOptions) -> Finish:
    """The finish that the job pins, of complete options. ClipmillError INVALID_OPTIONS, which names the field.

    Reads a file when it is first called.
    """
    finish = Finish()
    finish.CopyFrom(options.finish)
    try:
        look = whole_look(options.captions, finish.look, finish.brand if finish.HasField("brand") else None)
    except LookError as error:
        raise _invalid(f"The captions' look cannot be drawn. {error}.") from None
    finish.look.CopyFrom(look)
    if fault := fault_of(finish.brand):
        raise _invalid(f"The brand cannot be used. {fault}.")
    if fault := fault_of_music(finish.music):
        raise _invalid(f"The music cannot be used. {fault}.")
    if finish.masking not in Masking.values():
        raise _invalid(f"masking {finish.masking} is not known.")
    shortest_s, longest_s = CUT_PAUSES_S
    if finish.cut_pauses_s != 0 and not shortest_s <= finish.cut_pauses_s <= longest_s:  # True for NaN, too.
        raise _invalid(f"cut_pauses_s {finish.cut_pauses_s:g} is not from {shortest_s:g} to {longest_s:g}.")
    if unknown := [name for name in finish.exports if name not in EXPORTS]:
        raise _invalid(f"exports {unknown[0][:20]!r} is not one of {', '.join(EXPORTS)}.")
    return finish


def assets_of(finish: Finish) -> Iterator[tuple[str, BlobRef]]:
    """The files that it refers to, each with its field's name."""
    brand = finish.brand
    if brand.HasField("logo"):
        yield "brand.logo.picture", brand.logo.picture
    if brand.HasField("intro"):
        yield "brand.intro.file", brand.intro.file
    if brand.HasField("outro"):
        yield "brand.outro.file", brand.outro.file
    if finish.HasField("music"):
        yield "music.sound", finish.music.sound


def _invalid(message: str) -> ClipmillError:
    return ClipmillError("INVALID_OPTIONS", message, "docs/captions.md says what there is.")
