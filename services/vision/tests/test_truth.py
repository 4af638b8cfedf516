"""Floors under what is found in the sample, whose truth is known; `benchmarks/seeing.py` has the figures."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from clipmill_vision.domain.faces import Box, Face, iou
from clipmill_vision.exchange import Effort, Part, Request, Seen, Shown
from clipmill_vision.work import look

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"
# What is measured is 1.0 and 1.0, with nothing false and no switch: a few faces may be lost, no cut and no person.
LEAST_RECALL = 0.95


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads(SAMPLE.with_suffix(".truth.json").read_text())


@pytest.fixture(scope="module")
def seen(truth: dict) -> Seen:
    part = Part(SAMPLE, 0, 0.0, 0.0, truth["duration_s"])
    return look(Request(part, Shown(1280, 720, 0), Effort(2.0, 0.65, deblock=False)), lambda _: None)


def boxes_at(truth: dict, time_s: float) -> dict[str, Box]:
    """Who is where, in the truth's entry of that time; it has five a second."""
    entry = min(truth["faces"], key=lambda e: abs(e["t_s"] - time_s))
    if abs(entry["t_s"] - time_s) > 0.01:
        return {}
    return {b["person"]: Box(b["x0"], b["y0"], b["x1"], b["y1"]) for b in entry["boxes"]}


def test_every_cut_is_found_within_two_frames_every_dissolve_near_its_middle_and_nothing_else(
    seen: Seen, truth: dict
) -> None:
    cuts = [(shot["start_s"], 2 / 25) for shot in truth["shots"][1:] if shot["transition"] == "cut"]
    dissolves = [((d["start_s"] + d["end_s"]) / 2, 10 / 25) for d in truth["dissolves"]]
    found = [shot.start_s for shot in seen.shots[1:]]
    assert len(found) == len(cuts) + len(dissolves)
    for wanted, (at_s, near_s) in zip(found, sorted(cuts + dissolves), strict=True):
        assert abs(wanted - at_s) <= near_s + 1e-3


def test_faces_are_found_where_they_are_and_nowhere_else(seen: Seen, truth: dict) -> None:
    hits = total = false = 0
    for time_s in seen.searched_s:
        faces = boxes_at(truth, time_s).values()
        found = [face.box for track in seen.tracks for face in track if face.time_s == time_s]
        if not faces:
            continue
        total += len(faces)
        hits += sum(any(iou(face, box) >= 0.5 for box in found) for face in faces)
        false += sum(all(iou(face, box) < 0.5 for face in faces) for box in found)
    assert total > 50
    assert hits >= LEAST_RECALL * total
    assert false == 0


def test_the_photographs_of_the_sample_face_the_camera_however_their_mouths_move(seen: Seen) -> None:
    facing = [face.facing for track in seen.tracks for face in track]
    assert sum(map(bool, facing)) >= LEAST_RECALL * len(facing)


def test_no_track_goes_over_to_another_person_and_each_person_is_one(seen: Seen, truth: dict) -> None:
    def name_of(face: Face) -> str | None:
        return next((n for n, box in boxes_at(truth, face.time_s).items() if iou(box, face.box) >= 0.5), None)

    names = [[name for face in track if (name := name_of(face))] for track in seen.tracks]
    assert not any(a != b for track in names for a, b in pairwise(track))
    people = [{name for track in person.tracks for name in names[track]} for person in seen.people]
    assert sorted(people, key=sorted) == [{"guest"}, {"host"}]
    assert sum(len(person.tracks) for person in seen.people) == len(seen.tracks)
