"""HLS (RFC 8216): which playlists of a stream are recorded, and each of them followed into a pipe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import m3u8
from m3u8.model import InitializationSection, Segment

from clipmill_ingest.live.fetching import CHUNK_BYTES, Fetching, unsupported
from clipmill_ingest.live.keys import Keys, Opening, Plain, wrong_key
from clipmill_ingest.live.pipes import Pipe
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import RefusedAddressError

# Playlists are asked for again after half of a segment's length, within these bounds.
ASK_S = (0.2, 5.0)
# An AAC or MP3 stream without a container begins so; where it belongs is known by that tag alone.
PACKED = b"ID3"
HEADER = b"ftyp"
# More than a day of segments of two seconds, each with its date.
MAX_LINES = 200_000
# Its parser compares each with all others.
MAX_KEYS = 5_000
# RFC 8216, 4.2: a decimal-integer.
MAX_SEQUENCE = 1 << 64
# An encrypted segment is passed on once it is known to fit its key, where it is not longer.
MAX_SEGMENT_BYTES = 64 << 20

# Takes a code and a message.
Warn = Callable[[str, str], None]


def parsed(content: bytes, url: str, name: str) -> m3u8.M3U8:
    """INPUT_HLS_UNSUPPORTED when it is no playlist, or too much of one. Long ones take seconds: run it in a thread."""
    text = content.decode("utf-8-sig", "replace")
    if len(text.splitlines()) > MAX_LINES or text.count("#EXT-X-KEY") > MAX_KEYS:
        raise unsupported(name, f"its playlist has more than {MAX_LINES} lines or {MAX_KEYS} keys")
    try:
        playlist = m3u8.loads(text, uri=url)
        for each in (*playlist.segments, *playlist.segment_map, *playlist.keys, *playlist.playlists, *playlist.media):
            # What `absolute_uri` raises for would be raised here.
            urlsplit(each.uri if each and each.uri else "")
        if not 0 <= (playlist.media_sequence or 0) < MAX_SEQUENCE:
            raise ValueError
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        # Its parser has no errors of its own.
        raise unsupported(name, "its playlist is malformed") from None
    return playlist


def chosen(master: m3u8.M3U8, name: str) -> tuple[str, str | None]:
    """The addresses of the best variant and of its sound, None where that is in the variant."""
    if not master.playlists:
        raise unsupported(name, "its playlist names no variant")
    best = max(master.playlists, key=lambda each: each.stream_info.bandwidth or 0)
    sounds = [each for each in best.media if each.type == "AUDIO" and each.group_id == best.stream_info.audio]
    # The one that a player takes who is not asked.
    sounds.sort(key=lambda each: (each.default != "YES", each.autoselect != "YES"))
    return best.absolute_uri, sounds[0].absolute_uri if sounds and sounds[0].uri else None


class Following:
    """One playlist, each of its segments passed on once."""

    def __init__(self, fetching: Fetching, what: str, pipe: Pipe, idle_s: float, warn: Warn) -> None:
        self._fetching = fetching
        self._keys = Keys(fetching)
        self._what = what
        self._pipe = pipe
        self._idle_s = idle_s
        self._warn = warn
        self._came = time.monotonic()
        self._has_begun = False
        self._header_of: tuple[str, str | None] | None = None
        # Where a range without a beginning begins: after the one before, of the same address.
        self._range_end = ("", 0)
        # What the playlist was when last looked at.
        self._known: tuple[bytes, str, m3u8.M3U8] | None = None

    async def run(self, url: str, playlist: m3u8.M3U8 | None = None) -> None:
        """Until the playlist says that it is whole or brings nothing more. `playlist` is what it was a moment ago.

        Errors: INPUT_HLS_UNSUPPORTED, INPUT_HLS_KEY, those of Fetching where it cannot be had at all.
        """
        playlist = playlist or await self._playlist(url)
        following = 0
        while True:
            closed = None
            for segment in playlist.segments:
                # The last one of a low-latency playlist may be there in pieces only.
                if segment.media_sequence < following or not segment.uri:
                    continue
                if following and segment.media_sequence > following:
                    missing = segment.media_sequence - following
                    self._warn("LIVE_GAP", f"{missing} segments of {self._what} were gone before they could be had.")
                following = segment.media_sequence + 1
                closed = await self._pass_on(segment) or closed
            if closed is not None and not self._has_begun:
                raise closed
            if playlist.is_endlist:
                return
            least_s, most_s = ASK_S
            await asyncio.sleep(max(min(playlist.target_duration or 0, 2 * most_s) / 2, least_s))
            if time.monotonic() - self._came > self._idle_s:
                message = f"Nothing came from {self._what} for {self._idle_s:g} s: that was taken for its end."
                self._warn("LIVE_WENT_SILENT", message)
                return
            playlist = await self._again(url) or playlist

    async def _playlist(self, url: str) -> m3u8.M3U8:
        async with self._fetching.get(url) as response:
            content, at = await self._fetching.rest(response), str(response.url)
        if self._known is None or self._known[:2] != (content, at):
            self._known = (content, at, await asyncio.to_thread(parsed, content, at, self._fetching.name))
        return self._known[2]

    async def _again(self, url: str) -> m3u8.M3U8 | None:
        """The playlist as it is now; None where it cannot be had just now."""
        try:
            return await self._playlist(url)
        except (aiohttp.ClientError, TimeoutError, ClipmillError, RefusedAddressError):
            return None

    async def _pass_on(self, segment: Segment) -> Exception | None:
        """A segment that cannot be had is left out; what is returned is why one cannot be opened.

        Errors: what speaks against the stream as a whole, where nothing of it was had yet.
        """
        try:
            opening = await self._keys.opening(segment)
        except (ClipmillError, RefusedAddressError) as error:
            why = error.message if isinstance(error, ClipmillError) else error
            self._warn("LIVE_GAP", f"A segment of {self._what} is left out: {why}")
            return error
        try:
            await self._header(segment)
            await self._content(segment, opening)
        except (aiohttp.ClientError, TimeoutError):
            pass
        except (ClipmillError, RefusedAddressError) as error:
            is_gone = isinstance(error, ClipmillError) and error.code == "INPUT_URL_NOT_FOUND"
            if not (self._has_begun or is_gone):
                raise
        else:
            return None
        self._warn("LIVE_GAP", f"A segment of {self._what} could not be had; it is left out.")
        return None

    async def _header(self, segment: Segment) -> None:
        """What segments of fragmented MP4 have in common, where it is another one than before."""
        section = segment.init_section
        if section is None or (section.absolute_uri, section.byterange) == self._header_of:
            return
        async with self._fetching.get(section.absolute_uri, self._range(section)) as response:
            content = await self._fetching.rest(response)
        if content[4:8] != HEADER:
            # Whether it is encrypted depends on where its line stands to the key's; not all who write one know that.
            opening = await self._keys.opening(segment)
            content = opening.update(content) + self._last(opening)
        await self._write(content, is_header=True)
        self._header_of = (section.absolute_uri, section.byterange)

    async def _content(self, segment: Segment, opening: Opening) -> None:
        async with self._fetching.get(segment.absolute_uri, self._range(segment)) as response:
            held = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                held += opening.update(chunk)
                if isinstance(opening, Plain) or len(held) > MAX_SEGMENT_BYTES:
                    await self._write(bytes(held))
                    held = bytearray()
        await self._write(bytes(held) + self._last(opening))

    def _last(self, opening: Opening) -> bytes:
        try:
            return opening.finalize()
        except ValueError:
            raise wrong_key(self._fetching.name) from None

    def _range(self, section: Segment | InitializationSection) -> dict[str, str]:
        """The header that asks for a part of a file."""
        if not section.byterange:
            return {}
        length, _, start = section.byterange.partition("@")
        url, end = self._range_end
        try:
            begin = int(start) if start else end if url == section.absolute_uri else 0
            end = begin + int(length)
        except ValueError:
            raise unsupported(self._fetching.name, f"{section.byterange[:100]} is no range of bytes") from None
        self._range_end = (section.absolute_uri, end)
        return {"Range": f"bytes={begin}-{end - 1}"}

    async def _write(self, content: bytes, *, is_header: bool = False) -> None:
        if not self._has_begun and content.startswith(PACKED):
            raise unsupported(self._fetching.name, "its sound is packed audio (without a container)")
        # A header alone is nothing to keep.
        self._has_begun = self._has_begun or not is_header
        self._came = time.monotonic()
        await self._pipe.write(content)
        self._came = time.monotonic()
