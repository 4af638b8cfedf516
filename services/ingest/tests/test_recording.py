"""A source that grows is recorded into parts from which nothing is missing, and nothing is twice."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import av
import media
import numpy as np
import pytest
from clipmill_ingest import probe, speech
from clipmill_ingest.domain.parts import Span
from clipmill_ingest.live.exchange import (
    STOP,
    Ending,
    JoinRequest,
    Recorded,
    RecordRequest,
    Resume,
    Segment,
    Way,
)
from clipmill_ingest.live.join import join
from clipmill_ingest.live.record import record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipmill.media.v1.media_pb2 import RecordedPart
from clipmill.work.v1.work_pb2 import Stage
from clipmill_shared.errors import ClipmillError

FRAGMENTED = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}


@dataclass
class Recording:
    """What attempts have recorded, one after another."""

    folder: Path
    sounds: list[tuple[RecordedPart, Path]] = field(default_factory=list)
    pictures: list[tuple[RecordedPart, Path]] = field(default_factory=list)
    attempts: int = 0

    def attempt(self, source: Path, **limits: object) -> Recorded:
        self.attempts += 1
        folder = self.folder / f"attempt-{self.attempts}"
        folder.mkdir(parents=True)
        resume = None
        if self.pictures:
            resume = Resume(
                source_start_s=self.pictures[-1][0].source_start_s,
                sounds=len(self.sounds),
                sound_s=self.sounds[-1][0].part.end_s if self.sounds else 0.0,
                pictures=len(self.pictures),
                picture_s=self.pictures[-1][0].part.end_s,
            )
        asked = {"idle_s": 0.3, "max_s": 1e4, "max_bytes": 1 << 40, **limits}
        request = RecordRequest(Way.FILE, str(source), source.name, folder, resume=resume, **asked)
        recorded = record(request, lambda _: None)
        for path in sorted(folder.glob("*.part")):
            part = RecordedPart.FromString(path.read_bytes())
            kept = self.sounds if part.stage == Stage.STAGE_AUDIO else self.pictures
            assert part.number == len(kept)
            kept.append((part, path.with_suffix(".media")))
        return recorded

    def whole(self) -> Path:
        segments = [Segment(path, part.part.end_s) for part, path in self.pictures]
        target = self.folder / "whole"
        join(JoinRequest(segments, target, "x", bool(self.sounds)), lambda _: None)
        return target

    @property
    def samples(self) -> np.ndarray:
        return np.concatenate([media.samples(path) for _, path in self.sounds])

    @property
    def warnings(self) -> list[str]:
        return [warning.code for part, _ in self.pictures for warning in part.warnings]


def frames(path: Path) -> list[tuple[float, str]]:
    """Each frame's time from the first, and its picture."""
    with av.open(str(path)) as container:
        found = [(frame.time, frame.to_ndarray()) for frame in container.decode(video=0)]
    return [(round(time_s - found[0][0], 3), hashlib.md5(picture.tobytes()).hexdigest()) for time_s, picture in found]


def speech_of(path: Path, target: Path) -> np.ndarray:
    """The sound as the import extracts it."""
    with probe.opened(path, "x") as container:
        timing = probe.read_packets(container, probe.picture_of(container, "x"), "x").timing
    with probe.opened(path, "x") as container:
        sound = probe.sound_of(container, probe.picture_of(container, "x"))
        assert sound is not None
        speech.extract(container, sound, Span(timing.start_s, timing.end_s), target, lambda _: None)
    return media.samples(target)


def beginning(source: Path, share: float, target: Path) -> Path:
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def covered(parts: list[tuple[RecordedPart, Path]]) -> list[float]:
    """The edges of parts that follow each other without a gap."""
    edges = [0.0]
    for part, _ in parts:
        assert part.part.start_s == pytest.approx(edges[-1], abs=1e-6)
        edges.append(part.part.end_s)
    return edges


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """70 s as MPEG-TS: a tone with pauses."""
    path = tmp_path_factory.mktemp("talk") / "talk.ts"
    sounds = [media.Sound(to_s=21.0)]
    return media.make(path, 70.0, sounds=sounds, keyframe_every=20)


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    return media.make(path, 40.0, keyframe_every=20, options=FRAGMENTED)


@pytest.mark.parametrize("name", ["talk", "fragmented"])
def test_what_is_recorded_is_what_the_file_holds(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    source: Path = request.getfixturevalue(name)
    recording = Recording(tmp_path)
    recorded = recording.attempt(source)
    assert recorded.ending is Ending.SOURCE and not recorded.warnings
    for parts in (recording.sounds, recording.pictures):
        assert covered(parts)[-1] == pytest.approx(recorded.video_s, abs=0.001)
    assert frames(recording.whole()) == frames(source)
    wanted = speech_of(source, tmp_path / "speech.flac")
    assert len(recording.samples) == pytest.approx(len(wanted), abs=1)
    assert np.array_equal(recording.samples[: len(wanted) - 1], wanted[: len(recording.samples)][: len(wanted) - 1])


def test_a_picture_part_goes_on_to_what_comes_after_it(talk: Path, tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.attempt(talk)
    for (part, path), (after, other) in zip(recording.pictures, recording.pictures[1:], strict=False):
        with av.open(str(path)) as container, av.open(str(other)) as beyond:
            times = [frame.time - part.info.start_s for frame in container.decode(video=0)]
            first = next(beyond.decode(video=0))
        assert times[0] == pytest.approx(part.part.start_s, abs=1e-4)
        assert times[-1] == pytest.approx(part.part.end_s, abs=1e-4)
        assert first.time - after.info.start_s == pytest.approx(after.part.start_s, abs=1e-4) and first.key_frame


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shares=st.lists(st.floats(0.05, 0.95), min_size=1, max_size=3),
    losses=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=3, max_size=3),
)
def test_an_attempt_goes_on_where_the_ledger_stands(talk, tmp_path_factory, shares, losses) -> None:
    folder = tmp_path_factory.mktemp("resumed")
    recording = Recording(folder)
    for share, (sounds, pictures) in zip(sorted(shares), losses, strict=False):
        recording.attempt(beginning(talk, share, folder / "talk.ts"))
        # It was killed: its last parts are those of an end that none was, and more may not have arrived.
        del recording.sounds[max(0, len(recording.sounds) - 1 - sounds) :]
        del recording.pictures[max(0, len(recording.pictures) - 1 - pictures) :]
        if not recording.pictures:
            recording.sounds.clear()
    recording.attempt(talk)
    assert not recording.warnings
    assert frames(recording.whole()) == frames(talk)
    wanted = speech_of(talk, folder / "speech.flac")
    # A resampler that begins anew differs in the last bits.
    assert np.max(np.abs(recording.samples.astype(int)[: len(wanted)] - wanted[: len(recording.samples)])) < 700


def test_parts_are_there_while_the_file_grows(talk: Path, tmp_path: Path) -> None:
    source, content = tmp_path / "talk.ts", talk.read_bytes()
    known = len(content) * 3 // 4
    source.write_bytes(content[:known])
    recording = Recording(tmp_path)
    folder = tmp_path / "attempt-1"

    def write_on() -> None:
        wait_until(
            lambda: len(list(folder.glob("sound-*.part"))) >= 2 and len(list(folder.glob("picture-*.part"))) >= 1
        )
        with source.open("ab") as file:
            for at in range(known, len(content), 65_536):
                file.write(content[at : min(at + 65_536, len(content))])
                file.flush()

    writer = threading.Thread(target=write_on)
    writer.start()
    recording.attempt(source, idle_s=3)
    writer.join()
    assert frames(recording.whole()) == frames(talk)


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)


def test_a_hole_in_the_source_is_closed_and_told_of(tmp_path: Path) -> None:
    def with_hole(n: int) -> int:
        return n * 40 + (100_000 if n >= 500 else 0)

    source = media.make(tmp_path / "hole.ts", 40.0, sounds=(), pts=with_hole, keyframe_every=25)
    recording = Recording(tmp_path / "recording")
    recorded = recording.attempt(source)
    assert recorded.video_s == pytest.approx(40.0, abs=0.1)
    told = recording.warnings + [warning.code for warning in recorded.warnings]
    assert told == ["LIVE_GAP"]
    times = [time_s for time_s, _ in frames(recording.whole())]
    assert len(times) == 1000 and max(np.diff(times)) < 0.1


def test_of_several_programmes_one_is_recorded_whole_and_told_of(tmp_path: Path) -> None:
    source = media.two_programmes(tmp_path / "two.ts")
    recording = Recording(tmp_path / "recording")
    recording.attempt(source)
    assert recording.warnings == ["SEVERAL_VIDEO_TRACKS"]
    assert recording.pictures[0][0].info.video.width == 128
    assert media.pitch(recording.samples) == pytest.approx(880, abs=1)


def test_other_codecs_are_recorded_as_matroska(tmp_path: Path) -> None:
    source = media.make(tmp_path / "talk.mkv", 33.0, codec="ffv1", sounds=[media.Sound()], keyframe_every=1)
    recording = Recording(tmp_path / "recording")
    recording.attempt(source)
    assert len(recording.pictures) == 2
    assert frames(recording.whole()) == frames(source)


def test_it_ends_when_it_was_asked_for_so_much(talk: Path, tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recorded = recording.attempt(talk, max_s=12.0)
    assert (recorded.ending, recorded.video_s) == (Ending.LIMIT, pytest.approx(12.0))
    assert covered(recording.sounds)[-1] == covered(recording.pictures)[-1] == pytest.approx(12.0)


def test_a_last_part_of_one_frame_is_a_part_as_others(talk: Path, tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    # It is cut at the first keyframe after 30 s.
    recording.attempt(talk, max_s=30.44)
    (part, path) = recording.pictures[-1]
    assert (len(recording.pictures), part.part.start_s, part.part.end_s) == (
        2,
        pytest.approx(30.4),
        pytest.approx(30.44),
    )
    assert len(frames(path)) == 1
    assert len(frames(recording.whole())) == round(30.44 * media.FPS)


def test_it_ends_when_it_is_as_large_as_may_be(talk: Path, tmp_path: Path) -> None:
    assert Recording(tmp_path).attempt(talk, max_bytes=20_000).ending is Ending.LIMIT


def test_it_ends_when_it_is_stopped_with_what_is_there(talk: Path, tmp_path: Path) -> None:
    source = beginning(talk, 0.75, tmp_path / "talk.ts")
    recording = Recording(tmp_path)

    def stop() -> None:
        folder = tmp_path / "attempt-1"
        wait_until(lambda: bool(list(folder.glob("picture-*.part"))))
        (folder / STOP).touch()

    stopper = threading.Thread(target=stop)
    stopper.start()
    recorded = recording.attempt(source, idle_s=40.0)
    stopper.join()
    assert recorded.ending is Ending.ASKED and 30 < recorded.video_s < 60
    assert covered(recording.sounds)[-1] == pytest.approx(recorded.video_s, abs=0.001)


def test_a_file_whose_index_is_at_its_end_is_refused(tmp_path: Path) -> None:
    source = beginning(media.make(tmp_path / "talk.mp4", 5.0), 0.6, tmp_path / "half.mp4")
    with pytest.raises(ClipmillError) as raised:
        Recording(tmp_path).attempt(source)
    assert raised.value.code == "INPUT_NOT_LIVE"


def test_a_source_that_brings_nothing_is_said_to(tmp_path: Path) -> None:
    (tmp_path / "empty.ts").touch()
    with pytest.raises(ClipmillError) as raised:
        Recording(tmp_path).attempt(tmp_path / "empty.ts")
    assert raised.value.code == "INPUT_LIVE_SILENT"


def test_a_source_that_is_gone_after_a_restart_ends_with_what_there_is(talk: Path, tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.attempt(talk)
    recorded = recording.attempt(tmp_path / "gone.ts")
    assert recorded.ending is Ending.SILENCE
    assert [warning.code for warning in recorded.warnings] == ["LIVE_WENT_SILENT"]
