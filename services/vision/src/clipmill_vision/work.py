"""What runs in the child: looks at a part of a video once, and says what is seen."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from functools import lru_cache

# One thread a slot, as everywhere. Read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from clipmill_shared.compute import Report
from clipmill_shared.inference.apart import with_models
from clipmill_vision.domain.acquaintance import Acquaintance
from clipmill_vision.domain.blazeface import SIZE
from clipmill_vision.domain.cuts import WINDOW_S, CutFinder
from clipmill_vision.domain.dissolves import EVERY_S, DissolveFinder
from clipmill_vision.domain.faces import Face, Found, Mouth, tracks_of
from clipmill_vision.domain.mouth import opening
from clipmill_vision.domain.pace import SearchPace
from clipmill_vision.domain.passages import passages_of
from clipmill_vision.domain.people import SIDE as LOOKS_SIDE
from clipmill_vision.domain.people import people_of, seat_of
from clipmill_vision.domain.shots import Looks, shots_of
from clipmill_vision.domain.sketch import Sketch
from clipmill_vision.domain.text_areas import Text, may_be_written
from clipmill_vision.exchange import Copy, Effort, Keyframes, Moved, Part, Request, Seen, Shown, Tally, Video, WhatIsIt
from clipmill_vision.frames import SAME_S, frames, unreadable
from clipmill_vision.models.blazeface import BlazeFace
from clipmill_vision.models.face_landmark import SIDE, FaceLandmark
from clipmill_vision.models.face_resnet import FaceResnet
from clipmill_vision.models.text_areas import text_areas
from clipmill_vision.pictures import cut_out, fine_luma, is_full_range, square, thumbnail, upright
from clipmill_vision.probe import what_it_is

REPORT_EVERY_FRAMES = 50
# The longer side, in pixels, of what text is looked for in: with 320 a third of the lines are lost, see the README.
TEXT_SIDE = 512
# Narrower faces in the detector's input are found unsurely and placed badly.
SMALL_FACE_PIXELS = 14
# Narrower faces, in pixels of the shown picture, have too little of a mouth.
MOUTH_FACE_PIXELS = 32
# At 2 a second too little is seen of a turn of some seconds to say whose it is; see the README's figures.
MOUTHS_EVERY_S = 0.2
# Of more faces the largest are looked at: a panel of ten does not cost ten times as much.
MOST_MOUTHS = 4


@with_models
def answer(request: Request | WhatIsIt | Keyframes | Copy, report: Report) -> Seen | Video | list[bytes] | Moved | None:
    """What the child is called with. INPUT_UNREADABLE for what is no video, or has no frame that can be decoded."""
    if isinstance(request, Keyframes):
        # Late: hardly ever asked for.
        from clipmill_vision.keyframes import keyframes

        return keyframes(request)
    if isinstance(request, Copy):
        from clipmill_vision.copied import moved

        return moved(request)
    return what_it_is(request.path) if isinstance(request, WhatIsIt) else look(request, report)


def look(request: Request, report: Report) -> Seen:
    """Analyse a part. INPUT_UNREADABLE when none of its frames can be decoded."""
    part = request.part
    eye = _Eye(request.shown, request.effort)
    tally = Tally()
    effort = request.effort
    for time_s, frame in frames(
        part, tally, effort.decoder_threads, deblock=effort.deblock, beyond_s=2 * WINDOW_S, card=effort.card
    ):
        if time_s >= part.end_s - SAME_S:
            eye.look_beyond(time_s, frame)
            continue
        eye.see(time_s, frame)
        if eye.frames % REPORT_EVERY_FRAMES == 0:
            report((time_s - part.start_s) / (part.end_s - part.start_s))
    if not eye.frames:
        raise unreadable(part.path, f"from {part.start_s:.2f} to {part.end_s:.2f} s")
    return eye.seen(part, tally)


@lru_cache(maxsize=1)
def _blazeface() -> BlazeFace:
    """Loaded by a child's first part, kept for the next."""
    return BlazeFace()


@lru_cache(maxsize=1)
def _face_landmark() -> FaceLandmark:
    """Loaded by a child's first part with a mouth to look at."""
    return FaceLandmark()


@lru_cache(maxsize=1)
def _face_resnet() -> FaceResnet:
    """Loaded by a child's first part with a face that is large enough."""
    return FaceResnet()


class _Eye:
    """Sees one frame after another, each only as closely as is worth its cost."""

    def __init__(self, shown: Shown, effort: Effort) -> None:
        self._shown = shown
        self._effort = effort
        self._cuts = CutFinder()
        self._dissolves = DissolveFinder()
        self._looks = Looks()
        self._sketch = Sketch()
        self._last_s = 0.0
        self._faces: list[Face] = []
        # Those that the last search found.
        self._present: list[Face] = []
        self._pace = SearchPace(effort.face_searches_per_s, less_when_still=effort.search_less_when_still)
        self._acquaintance = Acquaintance(effort.looks_per_track)
        # The sharpest picture of this shot, with its time and sharpness.
        self._keyframe: tuple[float, float, VideoFrame] | None = None
        self._next_sample_s = self._next_close_s = self._next_mouths_s = self._next_text_s = -math.inf
        self._searched_s: list[float] = []
        self.frames = 0

    def see(self, time_s: float, frame: VideoFrame) -> None:
        self.frames += 1
        self._last_s = time_s
        small = thumbnail(frame)
        looks_new = self._cuts.add(time_s, small)
        if time_s >= self._next_sample_s - EVERY_S / 100:
            self._next_sample_s = time_s + EVERY_S
            self._dissolves.add(time_s, small.luma)
            self._looks.add(time_s, small.luma, full_range=is_full_range(frame))
        if self._pace.is_due(time_s, is_new_shot=looks_new):
            if self._pace.is_changed(small.luma):
                self._search(time_s, frame, is_new_shot=looks_new)
            else:
                self._sketch.again(time_s)
                self._see_again(time_s)
            self._pace.found([face.box for face in self._present])
        if time_s >= self._next_mouths_s:
            self._next_mouths_s = time_s + MOUTHS_EVERY_S - EVERY_S / 100
            self._look_at_mouths(time_s, frame)

    def look_beyond(self, time_s: float, frame: VideoFrame) -> None:
        """Take a frame after the part, which tells whether the part ends with a cut."""
        self._cuts.add(time_s, thumbnail(frame))

    def seen(self, part: Part, tally: Tally) -> Seen:
        cuts = self._cuts.finish(part.end_s)
        self._look_for_text()
        cut_at_end = self._cuts.is_cut(part.end_s - SAME_S, part.end_s + SAME_S)
        boundaries = cuts + self._dissolves.finish(cuts)
        shots = shots_of(part.start_s, part.end_s, boundaries, self._looks, seam=part.start_s > 0)
        self._sketch.frame_s = (self._last_s - self._sketch.times_s[0]) / max(self.frames - 1, 1)
        tracks = tracks_of(self._faces, [shot.start_s for shot in shots])
        passages = passages_of(self._looks.all, part.end_s)
        return Seen(
            shots,
            tracks,
            tally,
            self.frames,
            self._searched_s,
            cut_at_end,
            passages,
            people_of(tracks),
            self._sketch,
        )

    def _search(self, time_s: float, frame: VideoFrame, *, is_new_shot: bool) -> None:
        self._searched_s.append(time_s)
        if is_new_shot:
            self._acquaintance.forget()
            self._look_for_text()
        effort = self._effort
        picture = upright(frame, self._shown)
        self._sketch.add(time_s, picture, is_new_shot=is_new_shot)
        sharpness = self._looks.add_picture(time_s, picture, is_new_shot=is_new_shot)
        if self._keyframe is None or sharpness > self._keyframe[1]:
            self._keyframe = time_s, sharpness, frame
        found = _blazeface().find(picture, effort.min_face_confidence)
        all_small = all(face.box.width * picture.shape[1] < SMALL_FACE_PIXELS for face in found)
        if all_small and effort.close_searches_per_s and time_s >= self._next_close_s:
            self._next_close_s = time_s + 1 / effort.close_searches_per_s - EVERY_S / 100
            larger = round(SIZE * max(picture.shape[:2]) / min(picture.shape[:2]))
            found = _blazeface().find_closely(upright(frame, self._shown, larger), effort.min_face_confidence) or found
        wanted = self._acquaintance.worth_a_look(found, self._shown.width)
        self._present = [
            Face(
                time_s,
                face.box,
                face.confidence,
                looks=self._looks_of(frame, face) if look else None,
                facing=face.facing,
            )
            for face, look in zip(found, wanted, strict=True)
        ]
        self._faces += self._present

    def _see_again(self, time_s: float) -> None:
        """The picture is the one searched last, and so are its faces."""
        self._searched_s.append(time_s)
        self._present = [replace(face, time_s=time_s, mouths=[], looks=None) for face in self._present]
        self._faces += self._present

    def _looks_of(self, frame: VideoFrame, face: Found) -> NDArray[np.float32]:
        seat = seat_of(face.eyes, self._shown.width, self._shown.height)
        return _face_resnet().numbers_of(cut_out(frame, self._shown, seat, LOOKS_SIDE, smooth=True))

    def _look_for_text(self) -> None:
        """In the keyframe of the shot that has ended."""
        if self._keyframe is None:
            return
        time_s, _, frame = self._keyframe
        self._keyframe = None
        if self._effort.text_every_s and not may_be_written(fine_luma(frame, self._shown)):
            self._looks.text[time_s] = Text()
        elif time_s >= self._next_text_s:
            self._next_text_s = time_s + self._effort.text_every_s
            self._looks.text[time_s] = text_areas(upright(frame, self._shown, TEXT_SIDE))

    def _look_at_mouths(self, time_s: float, frame: VideoFrame) -> None:
        """Where the faces were that the last search found: a head hardly moves until the next."""
        if len(self._present) < 2 and not self._effort.mouths_of_lone_faces:
            return
        largest = sorted(self._present, key=lambda face: -face.box.area)[:MOST_MOUTHS]
        for face in largest:
            if face.box.width * self._shown.width < MOUTH_FACE_PIXELS:
                continue
            points = _face_landmark().find(square(frame, self._shown, face.box, SIDE))
            if points is not None:
                face.mouths.append(Mouth(time_s, opening(points)))
