"""Has keyframes described at an OpenAI-compatible address. Never needed: whatever goes wrong there is a warning."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from pydantic import BaseModel, Field, ValidationError
from yarl import URL

from clipmill.common.v1.common_pb2 import ModelVersion
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill_shared.compute import Children
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError
from clipmill_vision.domain.describe import PROMPT, PROMPT_VERSION, SCHEMA, Alike, BadAnswerError, alike, texts_of
from clipmill_vision.exchange import Keyframes, Part, Seen, Shown
from clipmill_vision.settings import VisionSettings

OK, TOO_MANY, SERVER_FAULT = 200, 429, 500
MAX_ANSWER_BYTES = 1 << 20
# A model that is busy is asked once more, after what it says, or this, at most so late.
PAUSE_S, LONGEST_PAUSE_S = 1.0, 5.0
# For each picture: a sentence and its brackets.
TOKENS_A_PICTURE = 120
MOST_REMEMBERED = 2000
UNAVAILABLE, CUT = "DESCRIPTIONS_UNAVAILABLE", "DESCRIPTIONS_CUT"


class _Message(BaseModel):
    content: str = Field(max_length=200_000)


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    total_tokens: int = Field(0, ge=0)


class _Answer(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class NoAnswerError(Exception):
    """The address gave no answer that counts; the message says why, without what it sent."""


@dataclass
class Described:
    """Of a part: what its shots show, by their numbers, and what to warn of."""

    texts: dict[int, str] = field(default_factory=dict)
    cautions: list[Caution] = field(default_factory=list)


@dataclass
class _Spent:
    calls: int = 0
    tokens: int = 0


class Describer:
    """Asks the address that the operator named, so it may lie anywhere; redirects are not followed.

    What was said of a picture is remembered by its content, for its owner alone.
    """

    def __init__(self, children: Children, settings: VisionSettings) -> None:
        self._children = children
        self._settings = settings
        self._host = str(URL(settings.describe_url).host)
        key = settings.describe_key.get_secret_value()
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self._remembered: OrderedDict[str, str] = OrderedDict()

    def model(self) -> ModelVersion:
        return ModelVersion(task="descriptions", name=self._settings.describe_model, version=PROMPT_VERSION)

    async def describe(self, owner_id: str, part: Part, shown: Shown, seen: Seen) -> Described:
        """What the part's shots show, as far as the budget goes. Raises nothing of what the address does."""
        described = Described()
        groups = alike(seen.shots)
        told = 0
        try:
            async with asyncio.timeout(self._settings.describe_timeout_s):
                pictures = await self._children.run(Keyframes(part, shown, tuple(group.time_s for group in groups)))
                assert isinstance(pictures, list)
                told = await self._tell(owner_id, groups, pictures, described)
        except TimeoutError:
            described.cautions.append(self._unavailable("it did not answer in time", described, groups))
        except NoAnswerError as error:
            described.cautions.append(self._unavailable(str(error), described, groups))
        except ClipmillError as error:
            described.cautions.append(
                self._unavailable(f"the pictures were not to be had ({error.code})", described, groups)
            )
        else:
            if told < len(groups):
                message = f"Of {len(groups)} different pictures {told} were described: the budget allows no more."
                described.cautions.append(Caution(code=CUT, message=message, part="vision"))
        return described

    async def _tell(
        self, owner_id: str, groups: Sequence[Alike], pictures: Sequence[bytes], described: Described
    ) -> int:
        """Fills `described`; how many groups there is nothing more to ask of."""
        names = [self._name(owner_id, picture) for picture in pictures]
        unknown = [n for n, name in enumerate(names) if pictures[n] and name not in self._remembered]
        spent = _Spent()
        limits = HttpLimits(
            connect_s=10.0, idle_s=self._settings.describe_timeout_s, total_s=self._settings.describe_timeout_s
        )
        http = GuardedHttp(limits, frozenset({self._host}))
        try:
            self._put(groups, names, described)
            size = self._settings.describe_batch
            for batch in (unknown[at : at + size] for at in range(0, len(unknown), size)):
                if spent.calls >= self._settings.describe_calls or spent.tokens >= self._settings.describe_tokens:
                    break
                said = await self._ask(http, [pictures[n] for n in batch], spent)
                for n, text in zip(batch, said, strict=True):
                    self._remember(names[n], text)
                    described.texts |= dict.fromkeys(groups[n].shots, text)
        finally:
            await http.close()
        return sum(group.shots[0] in described.texts or not pictures[n] for n, group in enumerate(groups))

    def _put(self, groups: Sequence[Alike], names: Sequence[str], described: Described) -> None:
        for group, name in zip(groups, names, strict=True):
            if name in self._remembered:
                self._remembered.move_to_end(name)
                described.texts |= dict.fromkeys(group.shots, self._remembered[name])

    async def _ask(self, http: GuardedHttp, pictures: Sequence[bytes], spent: _Spent) -> list[str]:
        """What the model says of the pictures. Error: NoAnswerError."""
        body = json.dumps(self._question(pictures)).encode()
        for is_last in (False, True):
            spent.calls += 1
            try:
                url = f"{self._settings.describe_url.rstrip('/')}/chat/completions"
                async with http.post(url, body, self._headers) as response:
                    if (response.status == TOO_MANY or response.status >= SERVER_FAULT) and not is_last:
                        await asyncio.sleep(_pause_s(response.headers.get("Retry-After", "")))
                        continue
                    if response.status != OK:
                        raise NoAnswerError(f"it answers {response.status}")
                    answer = _Answer.model_validate_json(await _read(response.content))
            except (aiohttp.ClientError, RefusedAddressError) as error:
                raise NoAnswerError(f"it cannot be reached ({type(error).__name__})") from None
            except (ValidationError, ValueError):
                raise NoAnswerError("what it answers is no chat completion") from None
            spent.tokens += answer.usage.total_tokens if answer.usage else TOKENS_A_PICTURE * len(pictures)
            try:
                return texts_of(answer.choices[0].message.content, len(pictures))
            except BadAnswerError as error:
                raise NoAnswerError(f"the model's answer does not count: {error}") from None
        raise AssertionError("the last time returns or raises")

    def _question(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": f"{len(pictures)} pictures, numbered from 1."}]
        for picture in pictures:
            url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
            content.append({"type": "image_url", "image_url": {"url": url, "detail": "low"}})
        return {
            "model": self._settings.describe_model,
            "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": content}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "pictures", "strict": True, "schema": SCHEMA},
            },
            "max_tokens": TOKENS_A_PICTURE * len(pictures),
            "temperature": 0,
        }

    def _name(self, owner_id: str, picture: bytes) -> str:
        asked = f"{owner_id}\x1f{self._settings.describe_url}\x1f{self._settings.describe_model}\x1f{PROMPT_VERSION}"
        return hashlib.sha256(asked.encode() + picture).hexdigest()

    def _remember(self, name: str, text: str) -> None:
        self._remembered[name] = text
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _unavailable(self, why: str, described: Described, groups: Sequence[Alike]) -> Caution:
        without = sum(group.shots[0] not in described.texts for group in groups)
        message = (
            f"{without} of {len(groups)} different pictures have no description: {self._host} was asked, and {why}. "
            "All else is as without it."
        )
        return Caution(code=UNAVAILABLE, message=message, part="vision")


def _pause_s(said: str) -> float:
    return min(float(said), LONGEST_PAUSE_S) if said.isdigit() else PAUSE_S


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("too long")
    return bytes(body)
