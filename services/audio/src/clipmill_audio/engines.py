"""The engines of this machine: which are there, what a task may use of them, and under which key that is cached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clipmill_audio.domain.engines import DEFAULT_SIZE, Asked, Engine, usable
from clipmill_audio.exchange import Reached
from clipmill_audio.settings import AudioSettings
from clipmill_shared.errors import ClipmillError

if TYPE_CHECKING:
    from clipmill_audio.weights import Weights

_INSTALL = "Install it beside Clipmill: .tools/bin/uv pip install -p .venv/bin/python faster-whisper."
MOONSHINE = Engine("moonshine", "moonshine-tiny-en", version("moonshine-voice"))


@dataclass(frozen=True)
class Usable:
    """What a task may be heard by. `fetched`: the weights to download first."""

    engines: tuple[Engine, ...]
    missing: str = ""

    @property
    def key(self) -> str:
        """The same for the same engines and versions."""
        return ",".join(f"{engine.name}={engine.version}" for engine in self.engines)


class Engines:
    """Errors: ClipmillError INVALID_OPTIONS, LANGUAGE_UNSUPPORTED, ASR_UNAVAILABLE, and those of `Weights.fetch`."""

    def __init__(self, settings: AudioSettings) -> None:
        self._settings = settings
        self._weights: Weights | None = None
        try:
            self._whisper = version("faster-whisper")
        except PackageNotFoundError:
            self._whisper = ""

    async def usable(self, asr: str, language: str) -> Usable:
        """The engines that were asked for, know the language and are here, or can be had."""
        asked = Asked.of(asr)
        missing = ""
        here = [MOONSHINE]
        if self._whisper and asked.kind in ("auto", "whisper"):
            here += [self._whisper_of(size, revision) for size, revision in await asyncio.to_thread(self._present)]
        if self._settings.openai_url:
            here.append(Engine("openai", self._settings.openai_model, urlsplit(self._settings.openai_url).netloc))
        if asked.kind == "whisper" and not any(asked.size in ("", engine.size) for engine in here if engine.size):
            if not self._whisper:
                raise _unavailable(
                    "faster-whisper is not installed",
                    _INSTALL,
                )
            missing = asked.size or DEFAULT_SIZE
            here.append(self._whisper_of(missing, "main"))
        if asked.kind == "openai" and not self._settings.openai_url:
            raise _unavailable("no address is set", "Set CLIPMILL_AUDIO_OPENAI_URL.")
        return Usable(tuple(usable(here, asked, language)), missing)

    async def prepared(self, found: Usable, asr: str, language: str, report: Callable[[float], None]) -> Usable:
        """The same, with the weights that were missing downloaded."""
        if not found.missing:
            return found
        await self._files.fetch(found.missing, report)
        return await self.usable(asr, language)

    def reached(self, found: Usable) -> tuple[Reached, ...]:
        """The engines with where they are, for the child."""
        settings = self._settings
        reached = []
        for engine in found.engines:
            place = self._files.find(engine.size) if engine.size else None
            reached.append(
                Reached(
                    engine,
                    folder=place[0] if place else None,
                    url=settings.openai_url,
                    key=settings.openai_key,
                    timeout_s=settings.openai_timeout_s,
                )
            )
        return tuple(reached)

    @property
    def _files(self) -> Weights:
        if self._weights is None:
            # Late: most runs have no Whisper.
            from clipmill_audio.weights import Weights

            self._weights = Weights(self._settings.weights_dir, self._settings.hub_url)
        return self._weights

    def _present(self) -> list[tuple[str, str]]:
        return [(size, found[1]) for size in self._files.present() if (found := self._files.find(size))]

    def _whisper_of(self, size: str, revision: str) -> Engine:
        return Engine("whisper", f"whisper-{size}", f"{self._whisper}+{revision[:12]}", size)


def _unavailable(why: str, remedy: str) -> ClipmillError:
    return ClipmillError(
        "ASR_UNAVAILABLE", f"The engine for transcription that was asked for is not here: {why}.", remedy
    )
