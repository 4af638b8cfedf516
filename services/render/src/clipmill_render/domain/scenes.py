"""Which layout each shot gets, and why. It changes only where the shot does.

A window that follows one face is the rule. Where that would cut off somebody who speaks, or a slide, the frame is
shared between several windows, or the whole picture is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clipmill.clips.v1 import clips_pb2 as clips
from clipmill_render.domain.cells import Cell, cells_for, screen_cells, whole_picture
from clipmill_render.domain.clock import Seen
from clipmill_render.domain.crop import FAR, Glide, glides_in
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.layout import Layout
from clipmill_render.domain.people import Person, people_in
from clipmill_render.domain.speakers import Turn

# Who says less than this in a shot gets no cell of their own.
LEAST_SPEECH_S = 1.5
# It is known who speaks in a shot when turns cover so much of it.
KNOWN_SHARE = 0.5
SCREEN_SHARE = 0.5
# A face larger than this, of the picture's height, is no speaker beside a slide: the slide is behind them.
LARGEST_BESIDE_SCREEN = 0.45
# A face so much wider than the window is cut at both sides.
TOO_WIDE = 1.15
SHARED = {2: clips.LAYOUT_SPLIT, 3: clips.LAYOUT_THREE, 4: clips.LAYOUT_FOUR}
NUMBERS = {2: "Two", 3: "Three", 4: "Four"}


@dataclass(frozen=True)
class Scene:
    """A shot's layout: `glides` of the one window where it is LAYOUT_FILL, else `cells` on a blurred backdrop."""

    shot: Shot
    layout: clips.Layout.ValueType
    # A sentence.
    reason: str
    glides: tuple[Glide, ...] = ()
    cells: tuple[Cell, ...] = ()


def scenes_of(layout: Layout, seen: Seen, turns: Sequence[Turn], asked: clips.Layout.ValueType) -> list[Scene]:
    """A scene a shot of `seen`, in order. `asked` is LAYOUT_AUTO, _FILL, _FIT or _SPLIT (two to four are seen)."""
    return [_scene(layout, shot, seen, turns, asked) for shot in seen.shots]


def _scene(layout: Layout, shot: Shot, seen: Seen, turns: Sequence[Turn], asked: clips.Layout.ValueType) -> Scene:
    glides = glides_in(layout, shot, seen.tracks, turns, seen.interests)

    def fill(reason: str) -> Scene:
        return Scene(shot, clips.LAYOUT_FILL, reason, glides=glides)

    def fit(reason: str) -> Scene:
        return Scene(shot, clips.LAYOUT_FIT, reason, cells=(whole_picture(layout, shot),))

    if layout.is_whole:
        return fill("The whole picture has the clip's shape.")
    if asked == clips.LAYOUT_FILL:
        return fill("Asked for.")
    if asked == clips.LAYOUT_FIT:
        return fit("Asked for.")
    people = people_in(seen.tracks, shot, turns)
    if _is_screen(seen, shot):
        face = max(people, key=lambda person: person.height, default=None)
        beside = face and face.height <= LARGEST_BESIDE_SCREEN and screen_cells(layout, shot, face)
        if beside:
            return Scene(shot, clips.LAYOUT_SCREEN_AND_FACE, "A slide or screen, with a face beside it.", cells=beside)
        return fit("A slide or screen: nothing of it is cut off.")
    shared, reason = _who_share(layout, shot, people, turns, asked)
    if shared:
        cells = cells_for(layout, shot, shared)
        if cells:
            return Scene(shot, SHARED[len(shared)], reason, cells=cells)
        if len(shared) > 2:
            return fit(f"{reason[:-1]}, and stand too near to each other for a window each.")
    if len(people) > max(SHARED) and not shared and _apart(layout, people):
        return fit("More people than there is room for windows.")
    if people and min(person.width for person in people) > TOO_WIDE * layout.window:
        return fit("The face is wider than the window.")
    if not any(glide.follows for glide in glides):
        if glides[0].controls[0] != 0.5:
            return fill("Nobody is seen: what strikes most is shown.")
        return fit("Nobody is seen and nothing strikes: the whole picture is shown.")
    return fill("The face of who speaks is followed." if _known_s(shot, turns) else "The leading face is followed.")


def _who_share(
    layout: Layout, shot: Shot, people: Sequence[Person], turns: Sequence[Turn], asked: clips.Layout.ValueType
) -> tuple[list[Person], str]:
    """Who gets a cell each, from left to right, and why; nobody where one window is enough."""
    speak = [person for person in people if person.speaks_s >= LEAST_SPEECH_S]
    known = _known_s(shot, turns) >= KNOWN_SHARE * (shot.end_s - shot.start_s)
    if len(speak) in SHARED and _apart(layout, speak):
        return speak, f"{NUMBERS[len(speak)]} people talk in turns, too far apart for one window."
    if len(people) not in SHARED or not _apart(layout, people):
        return [], ""
    if asked == clips.LAYOUT_SPLIT:
        return list(people), f"{NUMBERS[len(people)]} people are seen, as asked for."
    if not known:
        return list(people), f"{NUMBERS[len(people)]} people are seen far apart, and it is not known who speaks."
    return [], ""


def _apart(layout: Layout, people: Sequence[Person]) -> bool:
    """True when one window cannot show them all."""
    places = [person.x if layout.horizontal else person.y for person in people]
    return max(places) - min(places) > FAR * layout.window


def _known_s(shot: Shot, turns: Sequence[Turn]) -> float:
    return sum(max(0.0, min(turn.end_s, shot.end_s) - max(turn.start_s, shot.start_s)) for turn in turns)


def _is_screen(seen: Seen, shot: Shot) -> bool:
    shown_s = sum(max(0.0, min(s.end_s, shot.end_s) - max(s.start_s, shot.start_s)) for s in seen.screens)
    return shown_s >= SCREEN_SHARE * (shot.end_s - shot.start_s)
