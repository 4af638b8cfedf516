"""An editor finds the same frames: an edit that is written is read again as it was, at any frame rate."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import opentimelineio as otio
import pytest
from clipmill_render.domain.export import Edit, edl_of, fcpxml_of, otio_of
from clipmill_render.domain.timeline import Span
from clipmill_render.exporting import write_exports

from clipmill.clips.v1.clips_pb2 import ClipHead, Finish, RenderTask
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.media.v1.media_pb2 import MediaInfo, VideoStream

RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60000, 1001), Fraction(60)]
PIECES = (Span(3.5, 7.25), Span(3599.98, 3601.3))


def edit(rate: Fraction, *, has_sound: bool = True) -> Edit:
    return Edit("Why queues lie", "file:///videos/my%20talk.mp4", rate, round(4000 * rate), has_sound, PIECES)


@pytest.mark.parametrize("rate", RATES)
def test_opentimelineio_reads_the_edit_as_it_was_written(rate: Fraction):
    timeline = otio.adapters.read_from_string(otio_of(edit(rate)), "otio_json")
    assert [track.kind for track in timeline.tracks] == ["Video", "Audio"]
    for track in timeline.tracks:
        clips = list(track.find_clips())
        found = [(c.source_range.start_time.value, c.source_range.end_time_exclusive().value) for c in clips]
        assert found == edit(rate).cuts
        assert {c.media_reference.target_url for c in clips} == {"file:///videos/my%20talk.mp4"}
        assert {c.source_range.start_time.rate for c in clips} == {float(rate)}
        length_s = track.duration().to_seconds()
        assert length_s == pytest.approx(sum(piece.length_s for piece in PIECES), abs=2 / float(rate))
    assert Fraction(timeline.metadata["clipmill"]["rate"]) == rate


@pytest.mark.parametrize("rate", RATES)
def test_an_edl_has_the_same_frames_and_no_gap(rate: Fraction):
    events = re.findall(r"^\d{3}  AX       AA/V  C        (\S+) (\S+) (\S+) (\S+)$", edl_of(edit(rate)), re.M)

    def frame(timecode: str) -> int:
        hours, minutes, seconds, frames = (int(part) for part in timecode.split(":"))
        assert frames < round(rate)
        return ((hours * 60 + minutes) * 60 + seconds) * round(rate) + frames

    numbers = [tuple(frame(timecode) for timecode in event) for event in events]
    assert [(first, end) for first, end, _, _ in numbers] == edit(rate).cuts
    assert [start for _, _, start, _ in numbers] == [0, numbers[0][3]]
    assert all(end - first == to - start for first, end, start, to in numbers)


@pytest.mark.parametrize("rate", RATES)
def test_final_cut_s_xml_is_read_as_it_was_written(rate: Fraction):
    """By OpenTimelineIO's adapter."""
    library = otio.adapters.read_from_string(fcpxml_of(edit(rate)), "fcpx_xml")
    (timeline,) = library if isinstance(library, otio.schema.SerializableCollection) else [library]
    clips = list(timeline.find_clips())
    pictures = clips[: len(PIECES)]
    found = [(c.source_range.start_time.to_seconds(), c.source_range.duration.to_seconds()) for c in pictures]
    expected = [(float(first / rate), float((end - first) / rate)) for first, end in edit(rate).cuts]
    for times, wanted in zip(found, expected, strict=True):
        # The adapter counts 29.97 frames a second as 29.
        assert times == pytest.approx(wanted, abs=1.2 / float(rate))
    assert {c.media_reference.target_url for c in pictures} == {"file:///videos/my%20talk.mp4"}


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("file:/videos/my talk.mp4", "file:///videos/my%20talk.mp4"),
        # Sent by its owner: no editor knows the store's own names.
        ("blob:ann/blobs/09/09df", "my%20talk.mp4"),
    ],
)
def test_an_edit_names_its_source_as_its_owner_does(tmp_path: Path, uri: str, url: str):
    task = RenderTask(
        source=BlobRef(uri=uri),
        source_name="my talk.mp4",
        info=MediaInfo(duration_s=10, video=VideoStream(fps=25, display_width=640, display_height=360)),
        clip=ClipHead(title="Why queues lie", range=TimeRange(start_s=1, end_s=3)),
        finish=Finish(exports=["edl", "fcpxml"]),
    )
    request = SimpleNamespace(task=task, folder=tmp_path)

    edl, fcpxml = write_exports(request, SimpleNamespace(pieces=[Span(0, 2)]))  # type: ignore[arg-type]

    assert "* FROM CLIP NAME: my talk.mp4\n" in edl.read_text()
    asset = ElementTree.fromstring(fcpxml.read_text()).find("resources/asset")
    assert asset is not None
    assert (asset.get("name"), asset.get("src")) == ("my talk.mp4", url)


@pytest.mark.parametrize("rate", RATES)
def test_final_cut_s_xml_has_whole_frames_as_fractions_and_its_references_lead_somewhere(rate: Fraction):
    root = ElementTree.fromstring(fcpxml_of(edit(rate)))
    ids = {element.get("id"): element.tag for element in root.iter() if element.get("id")}
    assert ids == {"r1": "format", "r2": "asset"}
    assert {e.get("format") for e in root.iter() if e.get("format")} == {"r1"}
    # Each in its place: resources first, then library, event, project, sequence, spine.
    assert [child.tag for child in root] == ["resources", "library"]
    clips = root.findall("library/event/project/sequence/spine/asset-clip")
    assert {clip.get("ref") for clip in clips} == {"r2"}

    def frames(text: str | None) -> int:
        value = re.fullmatch(r"(\d+)(?:/(\d+))?s", text or "")
        assert value, text
        number = Fraction(int(value[1]), int(value[2] or 1)) * rate
        assert number.denominator == 1
        return int(number)

    found = [(frames(clip.get("start")), frames(clip.get("duration"))) for clip in clips]
    assert [(first, first + length) for first, length in found] == edit(rate).cuts
    assert [frames(clip.get("offset")) for clip in clips] == [0, found[0][1]]
    sequence, asset = root.find("library/event/project/sequence"), root.find("resources/asset")
    assert sequence is not None and asset is not None
    assert frames(sequence.get("duration")) == sum(length for _, length in found)
    assert frames(asset.get("duration")) == round(4000 * rate)
    assert frames(root.find("resources/format").get("frameDuration")) == 1


def test_letters_that_xml_has_none_for_are_left_out_of_titles():
    title = 'A "quoted" <tag> & a bell \x07'
    root = ElementTree.fromstring(fcpxml_of(replace(edit(Fraction(25)), title=title)))
    assert root.find("library/event/project").get("name") == title[:-1]


def test_a_source_without_sound_has_a_picture_only():
    silent = edit(Fraction(25), has_sound=False)
    assert len(otio.adapters.read_from_string(otio_of(silent), "otio_json").tracks) == 1
    assert "AA/V" not in edl_of(silent)
    assert "hasAudio" not in fcpxml_of(silent)
