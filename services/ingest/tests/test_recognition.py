"""A video whose sound is that of an earlier one of its owner says so, and is cut as that one was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import pytest_asyncio
from clipmill_ingest.domain import plan, transitions
from clipmill_ingest.domain.options import complete
from clipmill_ingest.domain.record import JobRecord, TaskState
from clipmill_ingest.importer import Importer
from clipmill_ingest.settings import IngestSettings
from test_fingerprint import speech

from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.media.v1.media_pb2 import ImportTask, MediaIngested, Source
from clipmill.work.v1.work_pb2 import Stage, Task
from clipmill_shared import recordings
from clipmill_shared.blobs import Blobs
from clipmill_shared.recordings import Recordings

RATE = 16_000
LONG_S = 70.0


def film(path: Path, sound: np.ndarray, codec: str = "aac", bit_rate: int = 96_000) -> Path:
    """A grey video with a sound of 16 kHz."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        track = out.add_stream(codec, rate=RATE, layout="mono")
        track.bit_rate = bit_rate
        for n in range(int(len(sound) / RATE * 5)):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 90, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, 5)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        samples = (np.clip(sound, -32768, 32767) / 32768).astype(np.float32)
        for at in range(0, len(samples), 1024):
            block = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], format="fltp", layout="mono")
            block.rate, block.pts, block.time_base = RATE, at, Fraction(1, RATE)
            out.mux(track.encode(block))
        out.mux(track.encode(None))
    return path


async def no_address(_owner_id: str, _job_id: str) -> str:
    return ""


class Imports:
    """The import stage of one machine."""

    def __init__(self, folder: Path, films: Path) -> None:
        self.blobs = Blobs.in_folder(folder / "store", folder / "scratch", (films,))
        self.importer = Importer(IngestSettings(part_s=30, side_by_side=1), self.blobs, no_address)
        self.known = Recordings(self.blobs)

    def _task(self, path: Path, owner_id: str) -> ImportTask:
        task = Task(owner_id=owner_id, task_id=str(path))
        return ImportTask(task=task, source=Source(path=str(path), name=path.name))

    async def __call__(self, path: Path, owner_id: str = "ann") -> MediaIngested:
        task = self._task(path, owner_id)
        await self.importer.content_key(task, lambda _: None)
        return await self.importer.work(task, lambda _: None)

    async def again(self, path: Path, kept: MediaIngested) -> MediaIngested:
        """As the cache answers it."""
        task = self._task(path, "ann")
        await self.importer.content_key(task, lambda _: None)
        copy = MediaIngested()
        copy.CopyFrom(kept)
        return await self.importer.adopt(task, copy)


@dataclass(frozen=True)
class Films:
    """A talk, the same in other encodings, and something else."""

    talk: Path
    small: Path
    cut: Path
    other: Path
    silent: Path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    folder, sound = tmp_path_factory.mktemp("films"), speech(1, LONG_S)
    return Films(
        film(folder / "talk.mp4", sound),
        film(folder / "small.mp4", sound, bit_rate=32_000),
        film(folder / "cut.mkv", 0.3 * sound[5 * RATE :], "mp3", 64_000),
        film(folder / "other.mp4", speech(2, LONG_S)),
        film(folder / "silent.mp4", np.zeros(20 * RATE)),
    )


@pytest_asyncio.fixture
async def imports(tmp_path: Path, films: Films) -> AsyncIterator[Imports]:
    made = Imports(tmp_path, films.talk.parent)
    yield made
    await made.importer.close()


async def test_a_cut_re_encoding_is_like_the_first(imports: Imports, films: Films) -> None:
    first = await imports(films.talk)
    second = await imports(films.cut)

    assert not first.HasField("like")
    like = second.like
    assert (like.video_id, like.name) == (first.video_id, "talk.mp4")
    assert like.agreement > 0.8
    assert all(part.twin.offset_s == pytest.approx(-5.0, abs=0.05) for part in like.audio_parts)
    assert [part.twin.part for part in like.audio_parts] == list(first.audio_parts)
    edges = [(part.part.start_s, part.part.end_s) for part in like.audio_parts]
    assert [edges[0][0], edges[-1][1]] == [0, pytest.approx(second.info.duration_s)]
    assert all(before[1] == after[0] for before, after in pairwise(edges))


async def test_only_originals_are_known_so_a_third_is_like_the_first(imports: Imports, films: Films) -> None:
    first = await imports(films.talk)
    await imports(films.small)
    third = await imports(films.cut)

    assert await imports.known.ids("ann") == [first.video_id]
    assert third.like.video_id == first.video_id


async def test_another_owners_video_is_not_known(imports: Imports, films: Films) -> None:
    await imports(films.talk, "bob")
    second = await imports(films.small, "ann")

    assert not second.HasField("like")


async def test_another_sound_is_not_like_it(imports: Imports, films: Films) -> None:
    await imports(films.talk)
    second = await imports(films.other)

    assert not second.HasField("like")
    assert len(await imports.known.ids("ann")) == 2


async def test_the_first_stays_an_original_when_it_comes_again(imports: Imports, films: Films) -> None:
    path = films.talk
    first = await imports(path)
    await imports(films.small)

    assert not (await imports.again(path, first)).HasField("like")


async def test_what_is_like_an_erased_video_is_an_original_when_it_comes_again(imports: Imports, films: Films) -> None:
    first = await imports(films.talk)
    path = films.small
    second = await imports(path)
    await imports.blobs.delete_record("ann", recordings.key_of(first.video_id))

    assert not (await imports.again(path, second)).HasField("like")
    assert await imports.known.ids("ann") == [second.video_id]


async def test_a_fingerprint_that_is_gone_is_like_nothing(imports: Imports, films: Films) -> None:
    first = await imports(films.talk)
    await imports.blobs.delete(first.fingerprint)

    assert not (await imports(films.small)).HasField("like")


async def test_a_silent_video_has_no_fingerprint(imports: Imports, films: Films) -> None:
    silent = await imports(films.silent)

    assert not silent.HasField("fingerprint")
    assert await imports.known.ids("ann") == []


def planned(ingested: MediaIngested, options: ClipOptions) -> list[plan.AnyTask]:
    record = transitions.admit("j", "ann", Source(path="/x", name="x"), complete(options), 0.0)
    (first,) = record.tasks
    done: JobRecord = record.with_task(replace(first, state=TaskState.DONE, result=ingested))
    return [plan.message_of(done, task, 0.0) for task in plan.next_tasks(done, 0.0)]


async def test_parts_name_their_twins_unless_the_job_is_analysed_anew(imports: Imports, films: Films) -> None:
    first = await imports(films.talk)
    second = await imports(films.cut)

    twins = [task.twin for task in planned(second, ClipOptions()) if task.task.stage == Stage.STAGE_AUDIO]
    assert {(twin.video_id, twin.name) for twin in twins} == {(first.video_id, "talk.mp4")}
    anew = [task for task in planned(second, ClipOptions(no_reuse=True)) if task.task.stage == Stage.STAGE_AUDIO]
    assert not any(task.HasField("twin") for task in anew)
    assert [task.part for task in anew] == list(second.audio_parts)


async def test_a_given_transcript_shares_nothing_of_what_is_heard(imports: Imports, films: Films) -> None:
    await imports(films.talk)
    second = await imports(films.cut)

    tasks = planned(second, ClipOptions(transcript=BlobRef(uri="blob:x", sha256="x")))

    (hearing,) = (task for task in tasks if task.task.stage == Stage.STAGE_AUDIO)
    assert not hearing.HasField("twin")
    assert (hearing.part.start_s, hearing.part.end_s) == (0, second.info.duration_s)


async def test_once_the_first_is_corrected_its_words_are_nobodys(imports: Imports, films: Films) -> None:
    first = await imports(films.talk)
    before = await imports(films.cut)
    await imports.known.correct("ann", first.video_id)

    for second in (await imports.again(films.cut, before), await imports(films.small)):
        assert second.like.video_id == first.video_id
        heard = [task for task in planned(second, ClipOptions()) if task.task.stage == Stage.STAGE_AUDIO]
        assert not any(task.HasField("twin") for task in heard)
        assert [task.part for task in heard] == list(second.audio_parts)


async def test_the_picture_keeps_its_own_parts_and_names_what_it_may_be_whatever_words_were_corrected(
    imports: Imports, films: Films
) -> None:
    first = await imports(films.talk)
    second = await imports(films.cut)
    await imports.known.correct("ann", first.video_id)
    corrected = await imports.again(films.cut, second)

    looking = [task for task in planned(corrected, ClipOptions()) if task.task.stage == Stage.STAGE_VISION]
    assert [task.part for task in looking] == list(second.vision_parts)
    assert {task.twin.video_id for task in looking} == {first.video_id}
    assert looking[0].twin.part.start_s - looking[0].part.start_s == pytest.approx(5.0, abs=0.05)
    anew = planned(second, ClipOptions(no_reuse=True))
    assert not any(task.HasField("twin") for task in anew)
