"""Asks a language model at an OpenAI-compatible address for an answer of a JSON schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
from pydantic import BaseModel, Field, SecretStr, ValidationError
from yarl import URL

from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError

OK, TOO_MANY, SERVER_FAULT = 200, 429, 500
MAX_ANSWER_BYTES = 1 << 20
# A model that is busy is asked once more, after what it says, or this, at most so late.
PAUSE_S, LONGEST_PAUSE_S = 1.0, 5.0
# What is taken for a token's letters, and for the tokens of a picture in low detail, where the service does not count.
LETTERS_A_TOKEN, TOKENS_A_PICTURE = 4, 85


class NoAnswerError(Exception):
    """There is no answer that counts; the message says why, without what was sent."""


@dataclass(frozen=True)
class Asked:
    """The operator's own address (".../v1"), so it may lie anywhere; the model; its key; seconds for a question."""

    url: str
    model: str
    timeout_s: float
    key: SecretStr = field(default=SecretStr(""), repr=False)


@dataclass(frozen=True)
class Question:
    """`content` is the user's message, as text or as the API's parts; the answer must be of `schema`, by `name`."""

    system: str
    content: str | Sequence[Mapping[str, object]]
    name: str
    schema: Mapping[str, object]
    max_tokens: int


@dataclass(frozen=True)
class Reply:
    """What was answered, as the model wrote it, and the tokens that it took, the question's among them."""

    text: str
    tokens: int


class _Message(BaseModel):
    content: str = Field(max_length=200_000)


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    total_tokens: int = Field(0, ge=0)


class _Answer(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class Chat:
    """A client for one address. Redirects are not followed."""

    def __init__(self, asked: Asked) -> None:
        self.model = asked.model
        self.host = str(URL(asked.url).host)
        self._url = f"{asked.url.rstrip('/')}/chat/completions"
        self._timeout_s = asked.timeout_s
        key = asked.key.get_secret_value()
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        limits = HttpLimits(connect_s=10.0, idle_s=asked.timeout_s, total_s=asked.timeout_s)
        self._http = GuardedHttp(limits, frozenset({self.host}))

    async def ask(self, question: Question) -> Reply:
        """What the model answers; it is asked again once where it is busy. Error: NoAnswerError."""
        body = json.dumps(self._body(question)).encode()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._answer(body)
        except TimeoutError:
            raise NoAnswerError("it did not answer in time") from None
        except (aiohttp.ClientError, RefusedAddressError) as error:
            raise NoAnswerError(f"it cannot be reached ({type(error).__name__})") from None
        except (ValidationError, ValueError):
            raise NoAnswerError("what it answers is no chat completion") from None
        text = answer.choices[0].message.content
        counted = answer.usage.total_tokens if answer.usage else 0
        return Reply(text, counted or _guessed_tokens(question) + len(text) // LETTERS_A_TOKEN)

    async def close(self) -> None:
        await self._http.close()

    async def _answer(self, body: bytes) -> _Answer:
        for is_last in (False, True):
            async with self._http.post(self._url, body, self._headers) as response:
                if response.status == OK:
                    return _Answer.model_validate_json(await _read(response.content))
                if is_last or not (response.status == TOO_MANY or response.status >= SERVER_FAULT):
                    raise NoAnswerError(f"it answers {response.status}")
                pause_s = _pause_s(response.headers.get("Retry-After", ""))
            await asyncio.sleep(pause_s)
        raise AssertionError("the last time returns or raises")

    def _body(self, question: Question) -> Mapping[str, object]:
        return {
            "model": self.model,
            "messages": [
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.content},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": question.name, "strict": True, "schema": question.schema},
            },
            "max_tokens": question.max_tokens,
            "temperature": 0,
        }


def _guessed_tokens(question: Question) -> int:
    parts = [{"text": question.content}] if isinstance(question.content, str) else question.content
    texts = [str(part["text"]) for part in parts if "text" in part]
    letters = len(question.system) + sum(map(len, texts))
    return letters // LETTERS_A_TOKEN + TOKENS_A_PICTURE * (len(parts) - len(texts))


def _pause_s(said: str) -> float:
    return min(float(said), LONGEST_PAUSE_S) if said.isdigit() else PAUSE_S


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("too long")
    return bytes(body)
