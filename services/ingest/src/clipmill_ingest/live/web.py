"""Live sources of the web, HLS and plain ones: fetched through the guarded client, into pipes that the child reads.

The decoder opens no address: what a playlist refers to passes the same client as the playlist itself.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from m3u8 import M3U8

from clipmill.common.v1.common_pb2 import Warning  # noqa: A004 - the message's name
from clipmill_ingest.download import looks_like_a_page, looks_like_a_playlist, no_video, private, shown, unreachable
from clipmill_ingest.live import hls
from clipmill_ingest.live.fetching import CHUNK_BYTES, Fetching
from clipmill_ingest.live.pipes import Pipe
from clipmill_ingest.settings import IngestSettings
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError


class WebStream:
    """One source. `feed` returns when it has ended; what there is to warn of is in `warnings` then.

    The child reads `picture`, and `sound` where that is not in it: it has ended at once then.
    """

    def __init__(self, settings: IngestSettings, url: str, folder: Path) -> None:
        self._idle_s = settings.live_idle_s
        limits = HttpLimits(settings.url_connect_timeout_s, self._idle_s, settings.live_max_s)
        self._http = GuardedHttp(limits, settings.url_allowed_hosts)
        self._url = url
        self._name = shown(url)
        self._fetching = Fetching(self._http, self._name)
        self.picture, self.sound = Pipe(folder / "stream"), Pipe(folder / "sound")
        self.warnings: list[Warning] = []

    async def feed(self) -> None:
        """Errors: ClipmillError INPUT_URL_*, INPUT_HLS_*, where nothing can be had at all."""
        try:
            await self._feed()
        except RefusedAddressError as error:
            raise private(self._name, error) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self._name, error) from None
        finally:
            self.close()
            await self._http.close()

    def close(self) -> None:
        self.picture.close()
        self.sound.close()

    async def _feed(self) -> None:
        async with self._fetching.get(self._url) as response:
            first = await response.content.read(CHUNK_BYTES)
            if looks_like_a_page(first):
                raise no_video(self._name)
            if not looks_like_a_playlist(first):
                self.sound.close()
                await self._pass_on(response, first)
                await self.picture.end()
                return
            url = str(response.url)
            content = await self._fetching.rest(response, first)
        playlist = await asyncio.to_thread(hls.parsed, content, url, self._name)
        if not playlist.is_variant:
            self.sound.close()
            await self._follow(self._name, self.picture, url, playlist)
            return
        picture, sound = hls.chosen(playlist, self._name)
        followed = [asyncio.create_task(self._follow(self._name, self.picture, picture))]
        if sound is None:
            self.sound.close()
        else:
            followed.append(asyncio.create_task(self._follow(f"the sound of {self._name}", self.sound, sound)))
        try:
            await asyncio.gather(*followed)
        finally:
            for each in followed:
                each.cancel()
            await asyncio.gather(*followed, return_exceptions=True)

    async def _follow(self, what: str, pipe: Pipe, url: str, playlist: M3U8 | None = None) -> None:
        await hls.Following(self._fetching, what, pipe, self._idle_s, self._warn).run(url, playlist)
        await pipe.end()

    async def _pass_on(self, response: aiohttp.ClientResponse, chunk: bytes) -> None:
        try:
            while chunk:
                await self.picture.write(chunk)
                chunk = await response.content.read(CHUNK_BYTES)
        except (aiohttp.ClientError, TimeoutError):
            # What came is kept; a connection that broke off is no error of a stream.
            self._warn("LIVE_WENT_SILENT", f"{self._name} broke off: that was taken for its end.")

    def _warn(self, code: str, message: str) -> None:
        if all(known.code != code for known in self.warnings):
            self.warnings.append(Warning(code=code, message=message, part="record"))
