"""What was seen of an earlier video, on a re-encoded copy's clock: only where the picture is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from clipmill_vision.copied import moved
from clipmill_vision.domain.sketch import Times
from clipmill_vision.exchange import Copy, Moved, Part, Shown
from clipmill_vision.handlers import analysis_of, request_of, stage_work
from clipmill_vision.moving import Clock, moved_analysis
from clipmill_vision.settings import VisionSettings
from clipmill_vision.work import look

from clipmill.common.v1.common_pb2 import TimeRange, Twin
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.media.v1.media_pb2 import MediaInfo, MediaIngested, Recording, VideoStream
from clipmill.vision.v1.vision_pb2 import (
    FaceSample,
    FaceTrack,
    MouthSample,
    Passage,
    Person,
    Shot,
    VisionAnalysis,
    VisionAnalyzed,
    VisionTask,
)
from clipmill.work.v1.work_pb2 import Answer, Task
from clipmill_shared.blobs import Blobs, sha256_of
from clipmill_shared.compute import Children, Report
from clipmill_shared.recordings import Recordings

from .made_videos import Picture, scene, steady, write_video

FPS = 25
SHOT_S = 2
EARLIER = f"{1:032x}"
# One cut in each part, and one where they meet.
PARTS = ((0.0, 4.0), (4.0, 8.0))


def picture(number: int, width: int = 320, height: int = 180) -> Picture:
    """Of scenes of two seconds each, that move; of soft colours, as hard edges are no smaller picture's."""
    shot, moves = divmod(number, SHOT_S * FPS)
    soft = (scene(shot, width, height) * 0.4 + 70).astype(np.uint8)
    return np.roll(soft, moves * 2 * width // 320, axis=1)


def film(pictures: Callable[[int], Picture] = picture, numbers: Iterable[int] = range(200)) -> list[Picture]:
    return [np.ascontiguousarray(pictures(number)) for number in numbers]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> tuple[VisionAnalysis, ...]:
    path = write_video(tmp_path_factory.mktemp("earlier") / "talk.mp4", film(), steady(200), keys_every=100)
    return tuple(seen(path, *part) for part in PARTS)


def seen(path: Path, start_s: float, end_s: float) -> VisionAnalysis:
    task = VisionTask(part=TimeRange(start_s=start_s, end_s=end_s), display_width=320, display_height=180)
    return analysis_of(task, look(request_of(task, path, VisionSettings()), lambda _: None))


def asked(path: Path, earlier: Sequence[VisionAnalysis], end_s: float = 8.0, offset_s: float = 0.0) -> Copy:
    return Copy(Part(path, 0, 0.0, 0.0, end_s), Shown(320, 180, 0), tuple(earlier), offset_s)


def starts(analysis: VisionAnalysis) -> list[float]:
    return [round(shot.range.start_s, 4) for shot in analysis.shots]


def test_cuts_of_a_smaller_copy_whose_beginning_was_cut_off_are_right_to_the_frame(
    tmp_path: Path, earlier: tuple[VisionAnalysis, ...]
) -> None:
    small = film(lambda number: picture(number, 160, 90), range(27, 200))
    path = write_video(tmp_path / "copy.mkv", small, steady(173), keys_every=70)

    # The sound's offset is not that of the frames.
    found = moved(asked(path, earlier, 173 / FPS, -1.0))

    assert found is not None
    assert found.offset_s == pytest.approx(-27 / FPS, abs=1e-3)
    assert starts(found.analysis) == [0, 0.92, 2.92, 4.92]
    assert starts(found.analysis) == starts(seen(path, 0, 173 / FPS))
    assert not any(shot.begins_at_seam for shot in found.analysis.shots)
    assert found.analysis.shots[-1].range.end_s == 173 / FPS


def test_of_pictures_that_stand_still_the_cuts_tell_which_frame_is_which(tmp_path: Path) -> None:
    def still(number: int) -> Picture:
        return picture(number - number % (SHOT_S * FPS))

    first = write_video(tmp_path / "talk.mp4", film(still), steady(200))
    path = write_video(tmp_path / "copy.mp4", film(still, range(3, 200)), steady(197), keys_every=70)

    found = moved(asked(path, [seen(first, 0, 8)], 197 / FPS))

    assert found is not None
    assert starts(found.analysis) == [0, 1.88, 3.88, 5.88]


def with_logo(number: int) -> Picture:
    logoed = picture(number).copy()
    logoed[8:18, 290:306] = 255
    return logoed


def with_a_faint_logo(number: int) -> Picture:
    logoed = picture(number).copy()
    logoed[6:18, 282:318] += 24
    return logoed


def letterboxed(number: int) -> Picture:
    boxed = np.zeros((180, 320, 3), np.uint8)
    boxed[9:171, 16:304] = picture(number, 288, 162)
    return boxed


def of_another_talk(number: int) -> Picture:
    """In the same room: half of the picture is the same."""
    other = picture(number).copy()
    other[:, 160:] = picture(number + 500)[:, 160:]
    return other


def with_something_else_for_a_second(number: int) -> Picture:
    return picture(number + 500 if 110 <= number < 135 else number)


@pytest.mark.parametrize(
    "other",
    [
        lambda number: picture(number)[:, ::-1],
        lambda number: picture(number, 340, 192)[6:186, 10:330],
        lambda number: np.minimum(picture(number).astype(int) + 14, 255).astype(np.uint8),
        lambda number: picture(number).mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, 2),
        lambda number: picture(round(number * 1.02)),
        lambda number: picture(number + 1 if number >= 100 else number),
        letterboxed,
        with_logo,
        with_a_faint_logo,
        of_another_talk,
        with_something_else_for_a_second,
    ],
    ids=[
        "mirrored",
        "cropped",
        "brighter",
        "grey",
        "faster",
        "a frame lost",
        "boxed",
        "logo",
        "faint logo",
        "same set",
        "insert",
    ],
)
def test_another_picture_has_nothing_of_it(
    tmp_path: Path, earlier: tuple[VisionAnalysis, ...], other: Callable[[int], Picture]
) -> None:
    path = write_video(tmp_path / "other.mp4", film(other, range(195)), steady(195), keys_every=10)

    assert moved(asked(path, earlier, 195 / FPS)) is None


def test_another_frame_rate_has_nothing_of_it(tmp_path: Path, earlier: tuple[VisionAnalysis, ...]) -> None:
    numbers = [round(n / 30 * FPS) for n in range(230)]
    path = write_video(tmp_path / "copy.mp4", film(numbers=numbers), steady(230, 30))

    assert moved(asked(path, earlier, 230 / 30)) is None


def test_what_begins_before_the_earlier_video_is_not_known(tmp_path: Path, earlier: tuple[VisionAnalysis, ...]) -> None:
    path = write_video(tmp_path / "copy.mp4", film(numbers=[*range(500, 525), *range(175)]), steady(200))

    assert moved(asked(path, earlier, offset_s=1.0)) is None


def test_pictures_that_stand_longer_than_may_be_compared_have_nothing_of_it(tmp_path: Path) -> None:
    slides = film(numbers=range(0, 200, 8))
    first = write_video(tmp_path / "slides.mp4", slides, steady(25, 3.5))
    path = write_video(tmp_path / "copy.mkv", slides, steady(25, 3.5), keys_every=5)

    assert moved(asked(path, [seen(first, 0, 25 / 3.5)], 25 / 3.5)) is None


def test_more_frames_than_are_worth_comparing_are_not_decoded(
    tmp_path: Path, earlier: tuple[VisionAnalysis, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "copy.mkv", film(), steady(200), keys_every=50)
    assert moved(asked(path, earlier)) is not None

    monkeypatch.setattr("clipmill_vision.copied.MOST_FRAMES", 10)
    monkeypatch.setattr("clipmill_vision.copied.frames_about", None)
    assert moved(asked(path, earlier)) is None


def at(start_s: float, end_s: float) -> TimeRange:
    return TimeRange(start_s=start_s, end_s=end_s)


def two_parts(*, cut_at_seam: bool) -> list[VisionAnalysis]:
    """A shot through both, with one person in it; and somebody else at the end."""
    first = VisionAnalysis(
        part=at(0, 10),
        shots=[Shot(range=at(0, 10), motion=0.1, keyframe_s=4, phash=5)],
        face_tracks=[
            FaceTrack(track=0, person=0, samples=[FaceSample(time_s=n) for n in range(10)], mouths=[MouthSample()])
        ],
        people=[Person(person=0, looks=looks(0))],
        cut_at_end=cut_at_seam,
    )
    second = VisionAnalysis(
        part=at(10, 20),
        shots=[
            Shot(range=at(10, 15), begins_at_seam=True, motion=0.4, keyframe_s=11, phash=9),
            Shot(range=at(15, 20), keyframe_s=19, phash=9, looks_like_shot=0),
        ],
        face_tracks=[
            FaceTrack(track=0, person=1, samples=[FaceSample(time_s=12)]),
            FaceTrack(track=1, person=0, samples=[FaceSample(time_s=16)]),
        ],
        people=[Person(person=0, looks=looks(1)), Person(person=1, looks=looks(0))],
        passages=[Passage(kind=Passage.KIND_FROZEN, range=at(14, 20))],
    )
    return [first, second]


def looks(who: int) -> bytes:
    return np.full(128, who, "<f4").tobytes()


def frame_times(end_s: float) -> Times:
    return np.arange(0, end_s, 1 / FPS)


def test_a_shot_that_a_seam_divided_is_one_again_and_persons_keep_who_they_are() -> None:
    found = moved_analysis(two_parts(cut_at_seam=False), Clock(-5.0, frame_times(14), 1 / FPS), 0.0, 14.0)

    assert [(shot.range.start_s, shot.range.end_s) for shot in found.shots] == [(0, 10), (10, 14)]
    assert found.shots[0].motion == pytest.approx(0.25)
    # The first part's keyframe was cut off.
    assert found.shots[0].keyframe_s == pytest.approx(6)
    assert not found.shots[1].HasField("keyframe_s")
    assert not found.shots[1].HasField("looks_like_shot")
    assert [(t.track, t.person, len(t.samples), len(t.mouths)) for t in found.face_tracks] == [
        (0, 0, 5, 0),
        (1, 0, 1, 0),
        (2, 1, 1, 0),
    ]
    assert [(person.person, person.looks) for person in found.people] == [(0, looks(0)), (1, looks(1))]
    assert [(p.range.start_s, p.range.end_s) for p in found.passages] == [(pytest.approx(9), 14)]


def test_a_cut_at_a_seam_is_one_and_at_the_parts_end_it_is_told() -> None:
    found = moved_analysis(two_parts(cut_at_seam=True), Clock(0.0, frame_times(20), 1 / FPS), 2.0, 15.0)

    assert starts(found) == [2, 10]
    assert [shot.begins_at_seam for shot in found.shots] == [True, False]
    assert found.cut_at_end


class LookingChildren(Children):
    """Compares as a child would, and refuses to look."""

    def __init__(self) -> None:
        super().__init__("nowhere:nothing", slots=1)

    async def run(self, request: object, report: Report = lambda _: None) -> Moved | None:
        assert isinstance(request, Copy)
        return moved(request)


async def shared(
    folder: Path, earlier: tuple[VisionAnalysis, ...], *, height: int = 180, warning: str = "", known: int = 2
) -> tuple[VisionAnalyzed | None, list[VisionTask]]:
    """A copy's second part, and what the stage makes of what is kept of the earlier video."""
    blobs = Blobs.in_folder(folder / "store", folder / "scratch", (folder,))
    ingested = MediaIngested(
        video_id=EARLIER,
        info=MediaInfo(video=VideoStream(display_width=height * 16 // 9, display_height=height)),
        vision_parts=[at(*part) for part in PARTS],
    )
    await Recordings(blobs).keep("ann", Recording(ingested=ingested, corrected=True))
    questions: list[VisionTask] = []

    async def kept(task: VisionTask) -> VisionAnalyzed | None:
        questions.append(task)
        number = [part[0] for part in PARTS].index(task.part.start_s)
        if number >= known:
            return None
        return VisionAnalyzed(
            answer=Answer(compute_s=8, warnings=[Caution(code=warning)] if warning else ()),
            analysis=await blobs.put_message("ann", earlier[number]),
            part=task.part,
        )

    path = write_video(folder / "copy.mkv", film(), steady(200), keys_every=50)
    task = VisionTask(
        task=Task(owner_id="ann"),
        source=await blobs.reference_file(path, sha256_of(path)[0], "video/x-matroska"),
        part=at(2, 8),
        display_width=320,
        display_height=180,
        video_id="v2",
        twin=Twin(video_id=EARLIER, name="talk.mp4", offset_s=0.02),
    )
    share = stage_work(LookingChildren(), blobs, VisionSettings()).share
    assert share is not None
    return await share(task, kept, lambda _: None), questions


async def test_a_part_is_made_of_all_parts_of_the_earlier_video_that_it_touches(
    tmp_path: Path, earlier: tuple[VisionAnalysis, ...]
) -> None:
    result, questions = await shared(tmp_path, earlier)

    assert [(q.part.start_s, q.video_id, q.HasField("twin")) for q in questions] == [
        (0, EARLIER, False),
        (4, EARLIER, False),
    ]
    assert result is not None
    assert (result.video_id, result.shots, result.part) == ("v2", 3, at(2, 8))
    twin = result.answer.twin
    assert (twin.name, twin.offset_s) == ("talk.mp4", pytest.approx(0, abs=1e-3))
    # Half of the first part, and all of the second.
    assert twin.saved_s == pytest.approx(12, abs=0.01)


@pytest.mark.parametrize(
    "why", [{"height": 90}, {"warning": "CORRUPT_FRAMES"}, {"known": 1}], ids=["smaller", "damaged", "not all kept"]
)
async def test_what_would_say_less_is_not_shared(
    tmp_path: Path, earlier: tuple[VisionAnalysis, ...], why: dict[str, int]
) -> None:
    result, _ = await shared(tmp_path, earlier, **why)  # type: ignore[arg-type]

    assert result is None
