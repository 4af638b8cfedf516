"""Segments that are encrypted whole, as RFC 8216 (4.3.2.4, 5.2) has it: AES-128 in CBC mode with PKCS7 padding."""

from __future__ import annotations

from typing import Protocol

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from m3u8.model import Segment

from clipmill_ingest.download import shown, unreachable
from clipmill_ingest.live.fetching import Fetching, unsupported
from clipmill_shared.errors import ClipmillError

KEY_BYTES = 16
REMEDY = "Check in a player that the stream can be had without a login."


class Opening(Protocol):
    """Makes what was encrypted readable, piece by piece."""

    def update(self, content: bytes) -> bytes: ...

    def finalize(self) -> bytes:
        """What is left. ValueError when the key was not the one."""


class Plain:
    """Of a segment that is not encrypted."""

    def update(self, content: bytes) -> bytes:
        return content

    def finalize(self) -> bytes:
        return b""


class _Aes:
    def __init__(self, key: bytes, iv: bytes) -> None:
        self._cipher = Cipher(AES(key), CBC(iv)).decryptor()
        self._padding = PKCS7(8 * KEY_BYTES).unpadder()

    def update(self, content: bytes) -> bytes:
        return self._padding.update(self._cipher.update(content))

    def finalize(self) -> bytes:
        return self._padding.update(self._cipher.finalize()) + self._padding.finalize()


class Keys:
    """The keys of one playlist, the last of them kept."""

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching
        self._last = ("", b"")

    async def opening(self, segment: Segment) -> Opening:
        """What opens a segment, and the header of one.

        Errors: INPUT_HLS_UNSUPPORTED for what only licensed players open; INPUT_HLS_KEY; RefusedAddressError.
        """
        key = segment.key
        if key is None or key.method in ("NONE", None):
            return Plain()
        if key.method != "AES-128" or (key.keyformat or "identity") != "identity" or not key.uri:
            raise unsupported(self._fetching.name, f"it is protected ({key.method})")
        try:
            iv = (int(key.iv, 16) if key.iv else segment.media_sequence).to_bytes(KEY_BYTES, "big")
        except (ValueError, OverflowError):
            raise unsupported(self._fetching.name, f"{key.iv[:100]} is no initialization vector") from None
        return _Aes(await self._key(key.absolute_uri), iv)

    async def _key(self, url: str) -> bytes:
        known, key = self._last
        if known != url:
            key = await self._fetched(url)
            self._last = (url, key)
        return key

    async def _fetched(self, url: str) -> bytes:
        key = b""
        try:
            async with self._fetching.get(url) as response:
                async for chunk in response.content.iter_any():
                    key += chunk
                    if len(key) > KEY_BYTES:
                        break
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._lacking(unreachable(shown(url), error).message) from None
        except ClipmillError as error:
            raise self._lacking(error.message) from None
        if len(key) != KEY_BYTES:
            # A page that asks for a login, as a rule.
            raise self._lacking(f"{shown(url)} is not one of {KEY_BYTES} bytes.")
        return key

    def _lacking(self, why: str) -> ClipmillError:
        return ClipmillError("INPUT_HLS_KEY", f"The key of {self._fetching.name} cannot be had: {why}", REMEDY)


def wrong_key(name: str) -> ClipmillError:
    return ClipmillError("INPUT_HLS_KEY", f"{name} cannot be read with its key.", REMEDY)
