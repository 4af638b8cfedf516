"""Transcription at an OpenAI-compatible address: POST {url}/audio/transcriptions."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Sequence

import aiohttp
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, SecretStr, ValidationError
from yarl import URL

from clipmill_audio.domain.timed import Span
from clipmill_audio.models.transcription import SaidWord
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError

RATE_HZ = 16_000
OK, UNAUTHORIZED, FORBIDDEN, TOO_MANY, SERVER_FAULT = 200, 401, 403, 429, 500
MAX_ANSWER_BYTES = 1 << 20


class _Word(BaseModel):
    word: str = Field(max_length=200)
    start: float = Field(ge=0, le=3600, allow_inf_nan=False)
    end: float = Field(ge=0, le=3600, allow_inf_nan=False)


class _Answer(BaseModel):
    text: str = Field(max_length=20_000)
    words: list[_Word] = Field([], max_length=5000)


class OpenAi:
    """Asks the address for each utterance. The operator names it, so it may lie anywhere; redirects are not followed.

    Errors: ClipmillError ASR_UNREACHABLE (may pass), ASR_REFUSED, ASR_ANSWER_INVALID.
    """

    def __init__(self, url: str, key: SecretStr, model: str, timeout_s: float) -> None:
        self._url = f"{url.rstrip('/')}/audio/transcriptions"
        self._shown = str(URL(url).host)
        self._headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key.get_secret_value() else {}
        self._model = model
        self._limits = HttpLimits(connect_s=min(10.0, timeout_s), idle_s=timeout_s, total_s=timeout_s, redirects=0)

    def hear(self, samples: NDArray[np.float32], language: str, names: Sequence[str] = ()) -> Sequence[SaidWord]:
        answer = asyncio.run(self._ask(_wav(samples), language, names))
        length_s = len(samples) / RATE_HZ
        if answer.words and all(word.start <= word.end for word in answer.words):
            return [
                SaidWord(word.word.strip(), Span(min(word.start, length_s), min(word.end, length_s)))
                for word in answer.words
                if word.word.strip()
            ]
        return [SaidWord(text) for text in answer.text.split()]

    async def _ask(self, wav: bytes, language: str, names: Sequence[str]) -> _Answer:
        form = aiohttp.FormData(
            [
                ("model", self._model),
                ("response_format", "verbose_json"),
                ("timestamp_granularities[]", "word"),
                ("language", language),
            ]
        )
        if names:
            form.add_field("prompt", ", ".join(names))
        form.add_field("file", wav, filename="speech.wav", content_type="audio/wav")
        http = GuardedHttp(self._limits, frozenset({self._shown}))
        try:
            async with http.post(self._url, form, self._headers) as response:
                if response.status != OK:
                    raise self._refused(response.status)
                return _Answer.model_validate_json(await _read(response.content))
        except (aiohttp.ClientError, TimeoutError, RefusedAddressError) as error:
            why = "it did not answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise ClipmillError(
                "ASR_UNREACHABLE",
                f"The transcription address {self._shown} cannot be reached: {why}.",
                "Check CLIPMILL_AUDIO_OPENAI_URL and the service there, or choose another engine with --asr.",
                retryable=True,
            ) from None
        except (ValidationError, ValueError):
            raise ClipmillError(
                "ASR_ANSWER_INVALID",
                f"The transcription address {self._shown} answers with something else than a transcription.",
                "Check that CLIPMILL_AUDIO_OPENAI_URL ends before /audio/transcriptions, as in https://host/v1.",
            ) from None
        finally:
            await http.close()

    def _refused(self, status: int) -> ClipmillError:
        may_pass = status == TOO_MANY or status >= SERVER_FAULT
        remedy = (
            "Check CLIPMILL_AUDIO_OPENAI_KEY."
            if status in (UNAUTHORIZED, FORBIDDEN)
            else "Check CLIPMILL_AUDIO_OPENAI_URL and CLIPMILL_AUDIO_OPENAI_MODEL."
        )
        return ClipmillError(
            "ASR_UNREACHABLE" if may_pass else "ASR_REFUSED",
            f"The transcription address {self._shown} answers {status}.",
            remedy,
            retryable=may_pass,
        )


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("too long")
    return bytes(body)


def _wav(samples: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(np.clip(samples * 32768, -32768, 32767).astype(np.int16).tobytes())
    return file.getvalue()
