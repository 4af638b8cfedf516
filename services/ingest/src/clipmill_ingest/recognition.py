"""Is a video's sound that of an earlier one of its owner?"""

from __future__ import annotations

import structlog

from clipmill.media.v1.media_pb2 import Likeness, MediaIngested, Recording
from clipmill_ingest.exchange import Candidates, LikenessRequest, SketchesRequest
from clipmill_shared.blobs import BlobMissingError, Blobs
from clipmill_shared.compute import Children
from clipmill_shared.recordings import Recordings

log = structlog.get_logger()


class Recognition:
    """Knows an owner's videos again. Only originals are known: what is like an earlier one leads to that."""

    def __init__(self, blobs: Blobs, children: Children) -> None:
        self._blobs = blobs
        self._recordings = Recordings(blobs)
        self._children = children

    async def recognise(self, owner_id: str, ingested: MediaIngested, sketch: bytes = b"") -> None:
        """Say in `ingested` what it is like; remember it where it is like nothing. It has a fingerprint.

        `sketch` is that of its fingerprint, where it is known.
        """
        ingested.ClearField("like")
        earlier = [
            known for known in await self._recordings.all(owner_id) if known.ingested.video_id != ingested.video_id
        ]
        if earlier or not sketch:
            fingerprint = await self._blobs.get_bytes(ingested.fingerprint)
            found = await self._ask(SketchesRequest(fingerprint, [known.sketch for known in earlier]))
            assert isinstance(found, Candidates)
            for number, offset in found.offsets:
                like = await self._compared(ingested, fingerprint, earlier[number].ingested, offset)
                if like is not None:
                    like.corrected = earlier[number].corrected
                    ingested.like.CopyFrom(like)
                    return
            sketch = found.sketch
        bare = MediaIngested()
        bare.CopyFrom(ingested)
        bare.ClearField("task")
        bare.ClearField("answer")
        await self._recordings.keep(owner_id, Recording(ingested=bare, sketch=sketch))

    async def again(self, owner_id: str, ingested: MediaIngested) -> None:
        """The same of a video that was imported before: what it is like may be gone, and it may be remembered still."""
        if await self._recordings.find(owner_id, ingested.video_id) is not None:
            ingested.ClearField("like")
        elif (earlier := await self._recordings.find(owner_id, ingested.like.video_id)) is not None:
            ingested.like.corrected = earlier.corrected
        else:
            await self.recognise(owner_id, ingested)

    async def _compared(
        self, ingested: MediaIngested, fingerprint: bytes, earlier: MediaIngested, offset: int
    ) -> Likeness | None:
        try:
            other = await self._blobs.get_bytes(earlier.fingerprint)
        except BlobMissingError:
            return None
        like = await self._ask(
            LikenessRequest(
                fingerprint,
                ingested.info.duration_s,
                other,
                offset,
                list(earlier.audio_parts),
            )
        )
        if not isinstance(like, Likeness):
            return None
        like.video_id, like.name = earlier.video_id, earlier.name
        log.info("the sound is that of an earlier video", video_id=ingested.video_id, earlier=earlier.video_id)
        return like

    async def _ask(self, request: SketchesRequest | LikenessRequest) -> object:
        return await self._children.run(request, lambda _: None)
