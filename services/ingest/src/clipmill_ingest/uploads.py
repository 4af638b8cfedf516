"""A video, or a file that options refer to, as a stream of bytes: to scratch, then a blob."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1.jobs_pb2 import AssetKind, UploadAssetRequest, UploadHeader, UploadVideoRequest
from clipmill_ingest import faults
from clipmill_ingest.exchange import AssetRequest
from clipmill_ingest.settings import IngestSettings
from clipmill_ingest.sources import too_large
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children, Cores, Limits
from clipmill_shared.errors import ClipmillError

Messages = AsyncIterator[UploadVideoRequest]
AssetMessages = AsyncIterator[UploadAssetRequest]
# A card of 15 s has a tenth of it, an hour of music as MP3 about all.
MAX_ASSET_BYTES = 128 << 20
# 0 is what says nothing; others are of a later version.
ASSET_KINDS = frozenset(AssetKind.values()) - {0}
ASSET_TIMEOUT_S = 120.0
LIMITS = Limits(address_space_bytes=4 << 30, open_files=64)
Part = TypeVar("Part", UploadVideoRequest, UploadAssetRequest)


class Uploads:
    """Receives uploads. Errors: ClipmillError INVALID_UPLOAD, INPUT_TOO_LARGE, INPUT_EMPTY, DiskFullError; of assets
    those of `assets.look`, too.
    """

    def __init__(self, settings: IngestSettings, blobs: Blobs, cores: Cores | None = None) -> None:
        self._settings = settings
        self._blobs = blobs
        self._looking = Children("clipmill_ingest.assets:look", 1, LIMITS, cores, ahead=0)

    async def close(self) -> None:
        await self._looking.close()

    async def header(self, messages: Messages) -> UploadHeader:
        first = await self._next(messages)
        if first is None or not first.HasField("header"):
            raise _bad_upload("An upload begins with its header.")
        return first.header

    async def receive(self, owner_id: str, header: UploadHeader, messages: Messages) -> BlobRef:
        """The content that follows the header, as a blob of the owner's."""
        name = header.name or "The upload"
        async with self._blobs.scratch_folder() as scratch:
            target = scratch / "upload"
            if await self._write(name, messages, target, self._settings.max_file_bytes) == 0:
                raise ClipmillError("INPUT_EMPTY", f"{name} is empty.", "Send the video's bytes.")
            media_type = mimetypes.guess_type(header.name)[0] or "application/octet-stream"
            ref = await self._blobs.put_file(owner_id, target, media_type)
        if header.sha256 and header.sha256.lower() != ref.sha256:
            # The blob stays: the same bytes may be another job's.
            raise _bad_upload(f"The bytes received have the SHA-256 {ref.sha256}, not {header.sha256[:64]}.")
        return ref

    async def receive_asset(self, owner_id: str, messages: AssetMessages) -> BlobRef:
        """A file that options refer to, as a blob of the owner's once it has been looked into."""
        first = await self._next(messages)
        if first is None or not first.HasField("header") or first.header.kind not in ASSET_KINDS:
            raise _bad_upload("An upload begins with its header, which says what the file is for.")
        name = first.header.name or "The file"
        async with self._blobs.scratch_folder() as scratch:
            target = scratch / "asset"
            if await self._write(name, messages, target, MAX_ASSET_BYTES) == 0:
                raise ClipmillError("INPUT_EMPTY", f"{name} is empty.", "Give another file.")
            await self._look(AssetRequest(target, name, first.header.kind))
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            return await self._blobs.put_file(owner_id, target, media_type)

    async def _look(self, request: AssetRequest) -> None:
        try:
            async with asyncio.timeout(ASSET_TIMEOUT_S):
                await self._looking.run(request)
        except TimeoutError:
            raise faults.timed_out(request.name, ASSET_TIMEOUT_S) from None

    async def _write(self, name: str, messages: AsyncIterator[Part], target: Path, max_bytes: int) -> int:
        size = 0
        with await asyncio.to_thread(target.open, "wb") as file:
            while (message := await self._next(messages)) is not None:
                size += len(message.content)
                if size > max_bytes:
                    raise too_large(name, size, max_bytes)
                await asyncio.to_thread(file.write, message.content)
        return size

    async def _next(self, messages: AsyncIterator[Part]) -> Part | None:
        try:
            async with asyncio.timeout(self._settings.upload_idle_timeout_s):
                return await anext(messages, None)
        except TimeoutError:
            raise _bad_upload(f"Nothing came for {self._settings.upload_idle_timeout_s:g} s.") from None


def _bad_upload(why: str) -> ClipmillError:
    return ClipmillError("INVALID_UPLOAD", why, "Send the header, then the content, and upload again.")
