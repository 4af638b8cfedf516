"""The outermost boxes of an MP4 or QuickTime file (ISO/IEC 14496-12, 4.2), to tell a broken one from no video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})
MOST_BOXES = 10_000


@dataclass(frozen=True)
class Box:
    kind: bytes
    start: int
    size: int


def boxes(file: BinaryIO, size: int) -> Iterator[Box]:
    """The boxes in order; the last may reach beyond `size`, the file's end. Nothing for a file of another kind."""
    at = 0
    for count in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or (count == 0 and head[4:8] not in FIRST_BOXES):
            return
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - at
        if length < 8:
            return
        yield Box(head[4:8], at, length)
        at += length
        if at >= size:
            return


def bytes_wanted(file: BinaryIO, size: int) -> int | None:
    """How long a file of this kind would have to be that ends too early: without its `moov`, or inside a box.

    None when it is whole, or of another kind.
    """
    found = list(boxes(file, size))
    if not found:
        return None
    end = max(box.start + box.size for box in found)
    if end > size:
        return end
    return size + 1 if all(box.kind != b"moov" for box in found) else None
