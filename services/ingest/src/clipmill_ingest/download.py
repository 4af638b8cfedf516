"""A video by its URL: through the guarded client to scratch, then a blob."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from yarl import URL

from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_ingest import pages
from clipmill_ingest.settings import IngestSettings
from clipmill_ingest.sources import too_large
from clipmill_shared.blobs import Blobs
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError
from clipmill_shared.work import Report

CHUNK_BYTES = 1 << 20
# Enough of a body to see that it is a web page, whatever its headers say.
SNIFF_BYTES = 512
OK = 200


class Downloads:
    """Fetches videos. Errors: ClipmillError with an INPUT_URL_ code, INPUT_TOO_LARGE, DiskFullError."""

    def __init__(self, settings: IngestSettings, blobs: Blobs) -> None:
        limits = HttpLimits(settings.url_connect_timeout_s, settings.url_idle_timeout_s, settings.url_total_timeout_s)
        self._http = GuardedHttp(limits, settings.url_allowed_hosts)
        self._blobs = blobs
        self._settings = settings
        self._max_bytes = settings.max_file_bytes

    async def fetch(self, owner_id: str, url: str, report: Report) -> BlobRef:
        """The content at `url` as a blob of the owner's."""
        name = shown(url)
        async with self._blobs.scratch_folder() as scratch:
            target = scratch / "video"
            try:
                media_type = await self._download(url, name, target, report)
            except _PageError:
                if not await asyncio.to_thread(pages.is_installed):
                    raise _no_pages(name) from None
                target, media_type = await pages.fetch(url, name, scratch, self._settings), "video/*"
            except RefusedAddressError as error:
                raise private(name, error) from None
            except (aiohttp.ClientError, TimeoutError) as error:
                raise unreachable(name, error) from None
            return await self._blobs.put_file(owner_id, target, media_type)

    async def close(self) -> None:
        await self._http.close()

    async def _download(self, url: str, name: str, target: Path, report: Report) -> str:
        async with self._http.get(url) as response:
            if response.status != OK:
                raise ClipmillError(
                    "INPUT_URL_NOT_FOUND",
                    f"{name} answers {response.status} {response.reason or ''}".rstrip() + ".",
                    "Check the address in a browser.",
                )
            if response.content_type in ("text/html", "application/xhtml+xml"):
                raise _PageError
            stated = response.content_length or 0
            if stated > self._max_bytes:
                raise too_large(name, stated, self._max_bytes)
            size = 0
            with await asyncio.to_thread(target.open, "wb") as file:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    if size == 0 and looks_like_a_page(chunk):
                        raise no_video(name)
                    if size == 0 and looks_like_a_playlist(chunk):
                        raise _playlist(name)
                    size += len(chunk)
                    if size > self._max_bytes:
                        raise too_large(name, size, self._max_bytes)
                    await asyncio.to_thread(file.write, chunk)
                    report(size / stated if stated else 0.0)
            if size == 0:
                raise ClipmillError("INPUT_EMPTY", f"{name} is empty.", "Check the address in a browser.")
            return response.content_type


def looks_like_a_page(chunk: bytes) -> bool:
    """Whether a body begins as HTML does."""
    head = chunk[:SNIFF_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<!--"))


def looks_like_a_playlist(chunk: bytes) -> bool:
    """Whether a body begins as HLS does."""
    return chunk.removeprefix(b"\xef\xbb\xbf").startswith(b"#EXTM3U")


class _PageError(Exception):
    """The address leads to a web page."""


def private(name: str, why: object) -> ClipmillError:
    return ClipmillError(
        "INPUT_URL_PRIVATE",
        f"{name} is refused: {why}.",
        "Give a public address, or name the host in CLIPMILL_INGEST_URL_ALLOWED_HOSTS.",
    )


def no_video(name: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_URL_NOT_VIDEO",
        f"{name} is a web page, though its server calls it a video.",
        "Give the address of the video file itself, or download it first.",
    )


def _playlist(name: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_URL_NOT_VIDEO",
        f"{name} is an HLS playlist, whose video comes in pieces.",
        "Have it recorded to its end, whether it grows or is whole: clipmill run --live URL.",
    )


def _no_pages(name: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_URL_NOT_VIDEO",
        f"{name} is a web page, not a video.",
        "Give the address of the video file itself, or install yt-dlp beside Clipmill "
        "(make setup, then .tools/bin/uv pip install -p .venv yt-dlp).",
    )


def unreachable(name: str, error: Exception) -> ClipmillError:
    if isinstance(error, TimeoutError):
        why = "it did not answer in time"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        why = "no such host"
    elif isinstance(error, aiohttp.ClientPayloadError):
        why = "the connection broke off"
    else:
        why = str(error)[:200] or type(error).__name__
    return ClipmillError(
        "INPUT_URL_UNREACHABLE", f"{name} cannot be fetched: {why}.", "Check the address and try again.", retryable=True
    )


def shown(url: str) -> str:
    """The URL as messages may show it: without what may be secret in it."""
    parsed = URL(url)
    return str(parsed.with_user(None).with_query(None).with_fragment(None))[:300]
