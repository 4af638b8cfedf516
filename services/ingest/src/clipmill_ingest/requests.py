"""What is checked before a job is accepted: cheap, so that whoever asks is told at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.media.v1.media_pb2 import Source
from clipmill_ingest.domain import options as rules
from clipmill_ingest.domain.address import without_credentials
from clipmill_ingest.domain.posting import Rules
from clipmill_ingest.domain.record import MAX_KEY
from clipmill_ingest.finish import assets_of, finish_of
from clipmill_ingest.platforms import platforms
from clipmill_ingest.sources import check_file
from clipmill_shared.blobs import Blobs
from clipmill_shared.errors import ClipmillError

MAX_URL = 2048
MAX_NAME = 255
WEB = ("http", "https")
STREAMS = ("rtmp", "rtmps", "rtsp", "rtsps")
# A talk of ten hours has about 1 MiB as SubRip.
MAX_TRANSCRIPT_BYTES = 2 << 20


def check_key(key: str) -> str:
    """An idempotency key as it was given; ClipmillError INVALID_KEY."""
    if len(key) > MAX_KEY:
        raise ClipmillError("INVALID_KEY", "The idempotency key is too long.", f"Use at most {MAX_KEY} characters.")
    return key


class Requests:
    def __init__(self, blobs: Blobs, max_file_bytes: int) -> None:
        self._blobs = blobs
        self._max_file_bytes = max_file_bytes

    async def check(
        self, owner_id: str, source: Source, options: ClipOptions, transcript: bytes = b""
    ) -> tuple[Source, ClipOptions]:
        """The source with its real path and its name, and the options with their defaults; `transcript` becomes theirs.

        ClipmillError INVALID_OPTIONS, INVALID_SOURCE, INPUT_NOT_UNDER_IMPORT_ROOT and those of `check_file`.
        """
        whole = await self.check_options(options, transcript)
        if transcript or whole.HasField("transcript"):
            if source.HasField("live"):
                raise ClipmillError(
                    "INVALID_OPTIONS",
                    "There is no transcript of what is not said yet.",
                    "Leave it out, or submit the video when it is whole.",
                )
            whole.transcript.CopyFrom(await self._transcript(owner_id, whole.transcript, transcript))
        for name, ref in assets_of(whole.finish):
            if not (_is_upload_of(owner_id, ref) and await self._blobs.exists(ref)):
                raise ClipmillError(
                    "INVALID_OPTIONS",
                    f"finish.{name} names nothing that is yours.",
                    "Upload the file first (UploadAsset).",
                )
        return await self._checked(owner_id, source), whole

    async def _transcript(self, owner_id: str, ref: BlobRef, content: bytes) -> BlobRef:
        """A given transcript as a blob of the owner's. A file's content is taken now: it may change."""
        if not content and ref.uri.startswith("file:"):
            path = await asyncio.to_thread(self._blobs.under_import_root, Path(ref.uri.removeprefix("file:")))
            await asyncio.to_thread(check_file, path, MAX_TRANSCRIPT_BYTES)
            content = await asyncio.to_thread(path.read_bytes)
        elif not content and _is_upload_of(owner_id, ref):
            return ref
        if not content:
            raise ClipmillError(
                "INVALID_OPTIONS", "The transcript names nothing that is yours.", "Send its text with the request."
            )
        return await self._blobs.put_bytes(owner_id, content, "text/plain")

    async def check_options(self, options: ClipOptions, transcript: bytes = b"") -> ClipOptions:
        """The options with their defaults; ClipmillError INVALID_OPTIONS."""
        if len(transcript) > MAX_TRANSCRIPT_BYTES:
            raise ClipmillError(
                "INVALID_OPTIONS",
                f"The transcript has {len(transcript) / 1e6:.1f} MB.",
                f"Give one of at most {MAX_TRANSCRIPT_BYTES / 1e6:.1f} MB: .srt, .vtt or .txt.",
            )
        platform = await asyncio.to_thread(_platform, options.platform) if options.platform else None
        whole = rules.complete(options, platform)
        fault = rules.fault_of(whole) or (platform.fault_of(options.platform, whole) if platform else None)
        if fault:
            raise ClipmillError("INVALID_OPTIONS", *fault)
        whole.finish.CopyFrom(await asyncio.to_thread(finish_of, whole))
        return whole

    async def _checked(self, owner_id: str, source: Source) -> Source:
        checked = Source()
        checked.CopyFrom(source)
        if source.HasField("path"):
            is_live = source.HasField("live")
            path = await asyncio.to_thread(self._checked_path, Path(source.path), may_be_empty=is_live)
            checked.path = str(path)
            checked.name = checked.name or path.name
        elif source.HasField("url"):
            checked.name = checked.name or _name_in(source.url, is_live=source.HasField("live"))
        elif not _is_upload_of(owner_id, source.upload):
            raise ClipmillError(
                "INVALID_SOURCE", "The request names no video.", "Give a path, a URL, or upload the bytes."
            )
        checked.name = checked.name[:MAX_NAME]
        return checked

    def _checked_path(self, path: Path, *, may_be_empty: bool) -> Path:
        real = self._blobs.under_import_root(path)
        check_file(real, self._max_file_bytes, may_be_empty=may_be_empty)
        return real


def _is_upload_of(owner_id: str, ref: BlobRef) -> bool:
    # The place follows from owner and content, so that nobody can name another owner's bytes.
    return bool(ref.sha256) and ref.uri == f"blob:{owner_id}/blobs/{ref.sha256[:2]}/{ref.sha256}"


def _platform(name: str) -> Rules:
    """The rules of a platform by its name; ClipmillError INVALID_OPTIONS."""
    known = platforms()
    if name not in known:
        raise ClipmillError(
            "INVALID_OPTIONS", f"{name[:20]!r} is no platform that is known.", f"Say one of {', '.join(known)}."
        )
    return known[name]


def _name_in(text: str, *, is_live: bool) -> str:
    """The name that a URL suggests; INVALID_SOURCE when it is no http or https URL, nor one of a live stream's."""
    try:
        url = urlsplit(text)
        # Reading the port raises when it is no number.
        is_web = url.scheme in (WEB + STREAMS if is_live else WEB) and bool(url.hostname) and url.port != 0
    except ValueError:
        is_web = False
    if not is_web or len(text) > MAX_URL:
        raise ClipmillError(
            "INVALID_SOURCE",
            f"{without_credentials(text)[:200]} is not a web address.",
            "Give an http or https URL that leads to a video.",
        )
    return unquote(url.path).rpartition("/")[2] or str(url.hostname)
