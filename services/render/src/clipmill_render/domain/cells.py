"""Several windows in one frame: where each lies in the clip, and what of the picture it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from clipmill_render.domain.crop import HEADROOM, Glide, glide_to
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.layout import Layout, even
from clipmill_render.domain.people import Person

# A cell is so many times as high as the face in it.
FACES_HIGH = 3.0
# A small window enlarged is soft; more than this it is mush.
MAX_CELL_ENLARGEMENT = 3.0
# A cell keeps off its neighbour's face, by so many of that face's widths from its middle.
OFF_NEIGHBOUR = 0.75
# The face beside a screen.
FACE_CELL_RATIO = 4 / 3


@dataclass(frozen=True)
class Cell:
    """A rectangle of the clip, in even pixels, and the window of the picture in it, as fractions of the picture."""

    left: int
    top: int
    width: int
    height: int
    window_width: float
    window_height: float
    # The window's middle.
    across: Glide
    down: Glide

    @property
    def is_whole(self) -> bool:
        """True when nothing of the picture is cut off."""
        return self.window_width == 1.0 and self.window_height == 1.0


def whole_picture(layout: Layout, shot: Shot, top: int | None = None) -> Cell:
    """The whole picture as large as it fits, in the clip's middle or with its upper edge at `top`."""
    factor = min(layout.width / layout.shown_width, layout.height / layout.shown_height)
    width = min(layout.width, even(layout.shown_width * factor))
    height = min(layout.height, even(layout.shown_height * factor))
    left, centred = (layout.width - width) // 4 * 2, (layout.height - height) // 4 * 2
    still = Glide(shot, (0.5,), True)
    return Cell(left, centred if top is None else top, width, height, 1.0, 1.0, still, still)


def cells_for(layout: Layout, shot: Shot, people: Sequence[Person]) -> tuple[Cell, ...]:
    """A cell each for `people` (two to four, from left to right), tiling the clip; none where they are too near."""
    columns, rows = _grid(layout, len(people))
    width, height = layout.width // columns // 2 * 2, layout.height // rows // 2 * 2
    cells = []
    for number, person in enumerate(people):
        row, column = divmod(number, columns)
        others = [abs(other.x - person.x) - OFF_NEIGHBOUR * other.width for other in people if other is not person]
        # The last row and column take what is left of an odd number of pixels.
        wide = layout.width - width * column if column == columns - 1 else width
        high = layout.height - height * row if row == rows - 1 else height
        cell = _face_cell(layout, shot, person, (width * column, height * row, wide, high), 2 * min(others))
        if cell is None:
            return ()
        cells.append(cell)
    return tuple(cells)


def screen_cells(layout: Layout, shot: Shot, face: Person) -> tuple[Cell, ...]:
    """The whole picture above, the face beneath it; none where the clip has no room for both."""
    whole = whole_picture(layout, shot, top=0)
    width = layout.width
    height = even(width / FACE_CELL_RATIO)
    room = layout.height - whole.height - height
    if room < 0:
        return ()
    top = room // 4 * 2
    beneath = _face_cell(layout, shot, face, (0, top + whole.height, width, height), 1.0)
    return (whole_picture(layout, shot, top=top), beneath) if beneath else ()


def _grid(layout: Layout, count: int) -> tuple[int, int]:
    """Columns and rows whose cells are nearest to squares; of two as near, upright cells."""
    shapes = [(columns, count // columns) for columns in range(count, 0, -1) if count % columns == 0]
    return min(shapes, key=lambda shape: abs(log(layout.width / shape[0] / (layout.height / shape[1]))))


def _face_cell(
    layout: Layout, shot: Shot, person: Person, place: tuple[int, int, int, int], widest: float
) -> Cell | None:
    """The cell at `place` (left, top, width, height) with a window about the face, at most `widest` of the picture."""
    left, top, width, height = place
    ratio = width / height * layout.shown_height / layout.shown_width
    window_height = min(FACES_HIGH * person.height, 1.0, 1.0 / ratio, widest / ratio)
    least = height / MAX_CELL_ENLARGEMENT / layout.shown_height
    if window_height < least:
        window_height = least
        if least * ratio > min(widest, 1.0) or least > 1.0:
            return None
    window_width = window_height * ratio
    if person.width > window_width or person.height > window_height:
        return None
    times = [face.time_s for face in person.faces]
    across = glide_to(times, [face.centre_x for face in person.faces], shot, window_width)
    down = glide_to(times, [face.centre_y + HEADROOM * window_height for face in person.faces], shot, window_height)
    return Cell(left, top, width, height, window_width, window_height, across, down)
