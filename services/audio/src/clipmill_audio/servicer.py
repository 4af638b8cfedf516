"""AudioService: a sound in, its words out, stretch by stretch. For callers without a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from clipmill.audio.v1.audio_pb2 import TranscribedSound, TranscribeRequest, TranscribeResponse
from clipmill.audio.v1.audio_pb2_grpc import AudioServiceServicer
from clipmill.common.v1.common_pb2 import PROFILE_BEST
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill_audio.domain.language import AUTO, is_assumed
from clipmill_audio.engines import Engines, Usable
from clipmill_audio.exchange import Heard, Part, Reached, Recording, Sound
from clipmill_audio.handlers import complete, warnings_of
from clipmill_audio.remarks import NAME
from clipmill_audio.settings import AudioSettings
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc.auth import owner_of

MAX_CONTENT_BYTES = 3 << 20
# Of the samples at full scale, as the import has it. Amplified thirtyfold, a third of a talk's words is heard wrong.
CLIPPED = 0.002


class AudioServicer(AudioServiceServicer):
    """`children` run `clipmill_audio.answer:answer`; calls share them with the worker, a stretch at a time."""

    def __init__(self, children: Children, blobs: Blobs, engines: Engines, settings: AudioSettings) -> None:
        self._children = children
        self._blobs = blobs
        self._engines = engines
        self._settings = settings
        self._open = 0

    async def Transcribe(  # noqa: N802
        self, request: TranscribeRequest, context: Any
    ) -> AsyncIterator[TranscribeResponse]:
        """Errors: INVALID_SOURCE, INVALID_OPTIONS, LANGUAGE_UNSUPPORTED, ASR_..., INPUT_...; QUEUE_FULL over
        `api_calls` open calls."""
        owner_id = owner_of(context)
        if self._open >= self._settings.api_calls:
            raise ClipmillError(
                "QUEUE_FULL",
                f"{self._open} sounds are being heard, as many as may.",
                "Call again later, or raise CLIPMILL_AUDIO_API_CALLS.",
                retryable=True,
            )
        self._open += 1
        try:
            found = await self._engines.usable(request.asr, request.language)
            found = await self._engines.prepared(found, request.asr, request.language, lambda _: None)
            async with self._blobs.scratch_folder() as scratch, self._source(owner_id, request, scratch) as path:
                speech = scratch / "speech.flac"
                sound = await self._children.run(Recording(path, speech))
                assert isinstance(sound, Sound)
                yield TranscribeResponse(sound=_told(sound), warnings=_faults(sound))
                async for response in self._stretches(speech, sound, request, found):
                    yield response
        finally:
            self._open -= 1

    async def _stretches(
        self, speech: Path, sound: Sound, request: TranscribeRequest, found: Usable
    ) -> AsyncIterator[TranscribeResponse]:
        engines: tuple[Reached, ...] = self._engines.reached(found)
        language = request.language or AUTO
        for stretch in sound.stretches:
            best, names = request.profile == PROFILE_BEST, tuple(request.vocabulary)
            part = Part(speech, stretch, engines, language, best, vocabulary=names)
            heard = await self._children.run(part)
            assert isinstance(heard, Heard)
            if heard.analysis.words:
                # One sound, one engine: what was chosen for the first words stays.
                engines = tuple(reached for reached in engines if reached.engine == heard.choice.engine)
            yield TranscribeResponse(part=complete(heard, language), warnings=warnings_of(heard, language))
            if heard.analysis.words and is_assumed(language) and heard.detected is not None:
                language = heard.language

    @asynccontextmanager
    async def _source(self, owner_id: str, request: TranscribeRequest, scratch: Path) -> AsyncIterator[Path]:
        kind = request.WhichOneof("from")
        if kind == "content":
            if not 0 < len(request.content) <= MAX_CONTENT_BYTES:
                raise ClipmillError(
                    "INVALID_SOURCE",
                    f"The content has {len(request.content)} bytes.",
                    f"Send 1 to {MAX_CONTENT_BYTES} bytes, or name a path or a blob.",
                )
            path = scratch / "content"
            await asyncio.to_thread(path.write_bytes, request.content)
            yield path
        elif kind == "upload":
            if not request.upload.uri.startswith(f"blob:{owner_id}/"):
                raise ClipmillError("INVALID_SOURCE", "The upload is none of yours.", "Name a blob of your own.")
            async with self._blobs.local(request.upload) as path:
                yield path
        elif request.path.startswith("/"):
            yield await asyncio.to_thread(self._blobs.under_import_root, Path(request.path))
        else:
            raise ClipmillError("INVALID_SOURCE", "No sound was named.", "Give an absolute path, a blob or the bytes.")


def _told(sound: Sound) -> TranscribedSound:
    return TranscribedSound(
        duration_s=sound.duration_s,
        track=sound.track,
        sample_rate_hz=sound.sample_rate_hz,
        channels=sound.channels,
    )


def _faults(sound: Sound) -> list[Caution]:
    if sound.clipped <= CLIPPED:
        return []
    message = f"The sound is clipped in {sound.clipped:.1%} of its time: it was recorded too loud."
    return [Caution(code="SOUND_CLIPPED", message=message, part=NAME)]
