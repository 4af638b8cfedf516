"""Downloads that survive a broken stream: into a .part file, resumed by offset, checked, then renamed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from clipmill.catalog.v1.catalog_pb2 import DownloadClipResponse
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.rpc_error import ClipmillRpcError

READ_BYTES = 1 << 20

# Opens the stream of a file's bytes from an offset: a header first, then the content.
Open = Callable[[int], AsyncIterator[DownloadClipResponse]]


async def download(open_at: Open, expected: BlobRef, path: Path) -> None:
    """Fetch a file to `path`, which appears whole or not at all; goes on with the .part file of an earlier try.

    Errors: whatever `open_at` raises; ClipmillRpcError DOWNLOAD_DAMAGED when the bytes are not those expected, also
    after one more try from the beginning.
    """
    part = path.with_name(path.name + ".part")
    resumed = part.exists() and part.stat().st_size > 0
    await _fetch(open_at, expected, part)
    if not await _is_whole(part, expected) and resumed:
        # What an earlier try left may be of another file.
        part.unlink()
        await _fetch(open_at, expected, part)
    if not await _is_whole(part, expected):
        part.unlink()
        raise ClipmillRpcError(
            "DOWNLOAD_DAMAGED",
            f"{path.name} arrived damaged.",
            "Download it again; if it fails again, make the clip anew.",
        )
    part.replace(path)


async def _fetch(open_at: Open, expected: BlobRef, part: Path) -> None:
    """Append to `part` what it lacks; a file that is longer than it can be is begun anew."""
    size = part.stat().st_size if part.exists() else 0
    if size > expected.size_bytes:
        part.unlink()
        size = 0
    if size == expected.size_bytes and size > 0:
        return
    with part.open("ab") as file:
        async for response in open_at(size):
            if response.WhichOneof("part") == "header" and response.header.sha256 != expected.sha256:
                raise ClipmillRpcError(
                    "CLIP_CHANGED", f"{part.stem} was made anew meanwhile.", "Fetch the clip again, then download."
                )
            if response.content:
                await asyncio.to_thread(file.write, response.content)


async def _is_whole(path: Path, expected: BlobRef) -> bool:
    return path.stat().st_size == expected.size_bytes and await asyncio.to_thread(_sha256, path) == expected.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
