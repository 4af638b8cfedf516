"""The videos of an owner that a later one may be like: small records in the object store, beside what was made of them.

There, and not in a database: `clipmill run` keeps none between runs (docs/adr/0003), and what a user erases goes with
the rest of the video.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from clipmill.media.v1.media_pb2 import Recording
from clipmill_shared.blobs import Blobs

FOLDER = "recordings"
# Of an owner: a new video is compared with each. The oldest are forgotten.
MOST = 200
_ID = re.compile("[0-9a-f]{32}")


def key_of(video_id: str) -> str:
    """Under which key a video's record is kept."""
    return f"{FOLDER}/{video_id}"


class Recordings:
    """What is known of an owner's videos, at most MOST of each owner."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def ids(self, owner_id: str) -> Sequence[str]:
        """The videos' ids, the newest first."""
        return [key.removeprefix(f"{FOLDER}/") for key in await self._blobs.record_keys(owner_id, FOLDER)]

    async def find(self, owner_id: str, video_id: str) -> Recording | None:
        """What is known of a video; None where that is nothing, or it is no id."""
        if not _ID.fullmatch(video_id):
            return None
        return await self._blobs.read_record(owner_id, key_of(video_id), Recording)

    async def correct(self, owner_id: str, video_id: str) -> None:
        """Remember that a transcript was given for a video; one that nothing is known of is left alone."""
        recording = await self.find(owner_id, video_id)
        if recording is not None and not recording.corrected:
            recording.corrected = True
            await self._blobs.write_record(owner_id, key_of(video_id), recording)

    async def all(self, owner_id: str) -> Sequence[Recording]:
        """Those that are there, the newest first."""
        ids = await self.ids(owner_id)
        found = await asyncio.gather(*(self.find(owner_id, video_id) for video_id in ids[:MOST]))
        return [recording for recording in found if recording is not None]

    async def keep(self, owner_id: str, recording: Recording) -> None:
        """Remember a video; the oldest beyond MOST are forgotten."""
        await self._blobs.write_record(owner_id, key_of(recording.ingested.video_id), recording)
        for video_id in (await self.ids(owner_id))[MOST:]:
            await self._blobs.delete_record(owner_id, key_of(video_id))
