"""The videos that a later one may be like: an owner's own, a bounded number."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipmill.media.v1.media_pb2 import MediaIngested, Recording
from clipmill_shared import recordings
from clipmill_shared.blobs import Blobs
from clipmill_shared.recordings import Recordings


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")


def recording(number: int) -> Recording:
    return Recording(ingested=MediaIngested(video_id=f"{number:032x}"), sketch=b"sketch")


async def test_an_owners_videos_are_known_and_no_other_owners(blobs: Blobs) -> None:
    known = Recordings(blobs)
    await known.keep("ann", recording(1))

    assert await known.all("ann") == [recording(1)]
    assert await known.all("bob") == []
    assert await known.find("bob", f"{1:032x}") is None


async def test_the_oldest_are_forgotten(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST", 3)
    known = Recordings(blobs)
    for number in range(5):
        await known.keep("ann", recording(number))

    assert await known.ids("ann") == [f"{number:032x}" for number in (4, 3, 2)]


async def test_what_erases_records_erases_these(blobs: Blobs) -> None:
    known = Recordings(blobs)
    await known.keep("ann", recording(1))

    await blobs.delete_record("ann", recordings.key_of(f"{1:032x}"))

    assert await known.all("ann") == []


async def test_what_is_no_id_leads_nowhere(blobs: Blobs) -> None:
    await blobs.write_record("bob", recordings.key_of(f"{1:032x}"), recording(1))

    assert await Recordings(blobs).find("ann", f"../../../bob/results/recordings/{1:032x}") is None
