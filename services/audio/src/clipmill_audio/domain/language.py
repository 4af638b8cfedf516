"""What is said of languages: which is spoken, or that no engine here knows it."""

from __future__ import annotations

from clipmill_shared.errors import ClipmillError

ENGLISH = "en"
AUTO = "auto"


class LanguageUnsupportedError(ClipmillError):
    """The user asked for a language that no model here knows."""

    def __init__(self, language: str) -> None:
        super().__init__(
            "LANGUAGE_UNSUPPORTED",
            f"Speech in the language {language!r} cannot be transcribed: no engine here that may be used knows it.",
            "Say --language en if the video is in English; else install faster-whisper and say --asr "
            "whisper, or name an OpenAI-compatible address in CLIPMILL_AUDIO_OPENAI_URL (docs/transcription.md).",
        )


def is_assumed(language: str) -> bool:
    """True when no language was asked for."""
    return language in ("", AUTO)
