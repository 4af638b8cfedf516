"""An OpenAI-compatible address: what is sent, what is taken, and what is refused."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from clipmill_audio.domain.timed import Span
from clipmill_audio.models.openai import OpenAi
from clipmill_audio.models.transcription import SaidWord
from pydantic import SecretStr

from clipmill_shared.errors import ClipmillError

SOUND = np.linspace(-0.5, 0.5, 16_000, dtype=np.float32)


class Service:
    def __init__(self, answer: Any, status: int = 200) -> None:
        self.answer = answer
        self.status = status
        self.form: dict[str, Any] = {}
        self.key = ""

    async def transcribe(self, request: web.Request) -> web.Response:
        self.key = request.headers.get("Authorization", "")
        form = await request.post()
        self.form = {name: value.file.read() if hasattr(value, "file") else value for name, value in form.items()}
        if isinstance(self.answer, str):
            return web.Response(text=self.answer, status=self.status)
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", service.transcribe)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def hear(service: Service) -> list[SaidWord]:
    async with serving(service) as url:
        engine = OpenAi(url, SecretStr("top-secret"), "whisper-1", 5.0)
        return list(await asyncio.to_thread(engine.hear, SOUND, "es", ("Clipmill", "Nairobi")))


async def test_words_come_with_the_services_own_times() -> None:
    words = [{"word": " Hola", "start": 0.1, "end": 0.4}, {"word": "mundo.", "start": 0.5, "end": 9.0}]
    service = Service({"task": "transcribe", "language": "spanish", "text": "Hola mundo.", "words": words})
    assert await hear(service) == [SaidWord("Hola", Span(0.1, 0.4)), SaidWord("mundo.", Span(0.5, 1.0))]
    assert service.key == "Bearer top-secret"
    assert (service.form["model"], service.form["language"]) == ("whisper-1", "es")
    assert service.form["prompt"] == "Clipmill, Nairobi"
    with wave.open(io.BytesIO(service.form["file"])) as sent:
        assert (sent.getframerate(), sent.getnchannels(), sent.getnframes()) == (16_000, 1, 16_000)


async def test_without_times_the_words_come_alone() -> None:
    assert await hear(Service({"text": "Hola mundo."})) == [SaidWord("Hola"), SaidWord("mundo.")]


@pytest.mark.parametrize(
    ("answer", "status", "code", "retryable"),
    [
        ("busy", 503, "ASR_UNREACHABLE", True),
        ("slow down", 429, "ASR_UNREACHABLE", True),
        ("no", 401, "ASR_REFUSED", False),
        ("no such model", 404, "ASR_REFUSED", False),
        ("<html>", 200, "ASR_ANSWER_INVALID", False),
        ({"words": []}, 200, "ASR_ANSWER_INVALID", False),
        ({"text": "a", "words": [{"word": "a", "start": -1, "end": 2}]}, 200, "ASR_ANSWER_INVALID", False),
    ],
)
async def test_what_is_no_transcription_is_a_named_error(answer: Any, status: int, code: str, retryable: bool) -> None:
    with pytest.raises(ClipmillError) as raised:
        await hear(Service(answer, status))
    assert (raised.value.code, raised.value.retryable) == (code, retryable)
    assert "top-secret" not in str(raised.value)


def test_an_address_where_nobody_answers_may_answer_later() -> None:
    with pytest.raises(ClipmillError) as raised:
        OpenAi("http://127.0.0.1:9/v1", SecretStr(""), "m", 1.0).hear(SOUND, "en")
    assert (raised.value.code, raised.value.retryable) == ("ASR_UNREACHABLE", True)
