"""Live sources of the web, HLS and plain ones: fetched through the guarded client, into a pipe that the child reads.

The decoder opens no address: what a playlist refers to passes the same client as the playlist itself.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import m3u8
from m3u8.model import Segment

from clipmill.common.v1.common_pb2 import Warning  # noqa: A004 - the message's name
from clipmill_ingest.download import looks_like_a_page, no_video, private, shown, unreachable
from clipmill_ingest.settings import IngestSettings
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError

CHUNK_BYTES = 1 << 18
MAX_PLAYLIST_BYTES = 4 << 20
FULL_S = 0.02
# Playlists are asked for again after half of a segment's length, within these bounds.
ASK_S = (0.2, 5.0)
PLAYLIST = b"#EXTM3U"


class WebStream:
    """One source. `feed` returns when it has ended; what there is to warn of is in `warnings` then."""

    def __init__(self, settings: IngestSettings, url: str) -> None:
        idle_s = settings.live_idle_s
        limits = HttpLimits(settings.url_connect_timeout_s, idle_s, settings.live_max_s)
        self._http = GuardedHttp(limits, settings.url_allowed_hosts)
        self._idle_s = idle_s
        self._url = url
        self._name = shown(url)
        self._came = time.monotonic()
        self._pipe = -1
        self.warnings: list[Warning] = []

    @contextmanager
    def pipe(self, folder: Path) -> Iterator[Path]:
        """A pipe for the child to read; it ends when the context is left, or `feed` returns."""
        path = folder / "stream"
        os.mkfifo(path, 0o600)
        # For both directions: opening does not wait for the reader then.
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            yield path
        finally:
            self._end()

    async def feed(self) -> None:
        """Errors: ClipmillError INPUT_URL_*, INPUT_HLS_UNSUPPORTED, where nothing can be had at all."""
        self._came = time.monotonic()
        try:
            await self._feed()
        except RefusedAddressError as error:
            raise private(self._name, error) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self._name, error) from None
        finally:
            self._end()
            await self._http.close()

    async def _feed(self) -> None:
        async with self._http.get(self._url) as response:
            self._check(response)
            first = await response.content.read(CHUNK_BYTES)
            if looks_like_a_page(first):
                raise no_video(self._name)
            if not first.lstrip(b"\xef\xbb\xbf").startswith(PLAYLIST):
                await self._pass_on(response, first)
                return
            listed = await self._text(response, first)
            at = str(response.url)
        playlist = m3u8.loads(listed, uri=at)
        if playlist.is_variant:
            at = _best(playlist, self._name)
            playlist = await self._playlist(at)
        await self._follow(playlist, at)

    async def _pass_on(self, response: aiohttp.ClientResponse, chunk: bytes) -> None:
        try:
            while chunk:
                await self._write(chunk)
                chunk = await response.content.read(CHUNK_BYTES)
        except (aiohttp.ClientError, TimeoutError):
            # What came is kept; a connection that broke off is no error of a stream.
            self._warn("LIVE_WENT_SILENT", f"{self._name} broke off: that was taken for its end.")

    async def _follow(self, playlist: m3u8.M3U8, at: str) -> None:
        """Pass on each segment once, until the playlist says that it is whole or brings nothing more."""
        following, init = 0, None
        while True:
            for segment in playlist.segments:
                if segment.media_sequence < following:
                    continue
                if following and segment.media_sequence > following:
                    missing = segment.media_sequence - following
                    self._warn("LIVE_GAP", f"{missing} segments of {self._name} were gone before they could be had.")
                following = segment.media_sequence + 1
                if segment.key is not None and segment.key.method not in ("NONE", None):
                    raise _unsupported(self._name, "it is encrypted")
                section = segment.init_section
                if section is not None and (section.absolute_uri, section.byterange) != init:
                    init = (section.absolute_uri, section.byterange)
                    await self._segment(section)
                await self._segment(segment)
            if playlist.is_endlist:
                return
            least_s, most_s = ASK_S
            await asyncio.sleep(min(max((playlist.target_duration or 0) / 2, least_s), most_s))
            if time.monotonic() - self._came > self._idle_s:
                message = f"Nothing came from {self._name} for {self._idle_s:g} s: that was taken for its end."
                self._warn("LIVE_WENT_SILENT", message)
                return
            playlist = await self._again(at) or playlist

    async def _again(self, at: str) -> m3u8.M3U8 | None:
        """The playlist as it is now; None where it cannot be had just now."""
        try:
            return await self._playlist(at)
        except (aiohttp.ClientError, TimeoutError, ClipmillError):
            return None

    async def _playlist(self, at: str) -> m3u8.M3U8:
        async with self._http.get(at) as response:
            self._check(response)
            return m3u8.loads(await self._text(response, b""), uri=str(response.url))

    async def _segment(self, segment: Segment) -> None:
        """Pass a segment on; one that cannot be had is left out."""
        headers = {}
        if segment.byterange:
            length, _, start = segment.byterange.partition("@")
            headers["Range"] = f"bytes={int(start or 0)}-{int(start or 0) + int(length) - 1}"
        try:
            async with self._http.get(segment.absolute_uri, headers) as response:
                self._check(response)
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    await self._write(chunk)
        except (aiohttp.ClientError, TimeoutError, ClipmillError):
            self._warn("LIVE_GAP", f"A segment of {self._name} could not be had; it is left out.")

    async def _text(self, response: aiohttp.ClientResponse, known: bytes) -> str:
        while len(known) <= MAX_PLAYLIST_BYTES:
            if not (more := await response.content.read(CHUNK_BYTES)):
                return known.decode("utf-8-sig", "replace")
            known += more
        raise _unsupported(self._name, "its playlist is too long")

    def _check(self, response: aiohttp.ClientResponse) -> None:
        if not response.ok:
            raise ClipmillError(
                "INPUT_URL_NOT_FOUND",
                f"{self._name} answers {response.status} {response.reason or ''}".rstrip() + ".",
                "Check the address in a player.",
            )

    async def _write(self, content: bytes) -> None:
        """Into the pipe, as fast as it is read."""
        self._came = time.monotonic()
        rest = memoryview(content)
        while rest:
            try:
                rest = rest[os.write(self._pipe, rest) :]
            except BlockingIOError:
                await asyncio.sleep(FULL_S)
        self._came = time.monotonic()

    def _warn(self, code: str, message: str) -> None:
        if all(known.code != code for known in self.warnings):
            self.warnings.append(Warning(code=code, message=message, part="record"))

    def _end(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


def _best(playlist: m3u8.M3U8, name: str) -> str:
    """The address of the best variant whose sound is in it."""
    apart = {each.group_id for each in playlist.media if each.type == "AUDIO" and each.uri}
    whole = [each for each in playlist.playlists if each.stream_info.audio not in apart]
    if not whole:
        raise _unsupported(name, "its sound is in playlists of its own")
    best: str = max(whole, key=lambda each: each.stream_info.bandwidth or 0).absolute_uri
    return best


def _unsupported(name: str, why: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_HLS_UNSUPPORTED",
        f"{name} cannot be recorded: {why}.",
        "Record it with another program into a file that grows, and give that file.",
    )
