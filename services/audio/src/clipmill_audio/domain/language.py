"""Which languages can be heard: the engine in the package knows English only."""

from __future__ import annotations

from clipmill_shared.errors import ClipmillError

ENGLISH = "en"
AUTO = "auto"


class LanguageUnsupportedError(ClipmillError):
    """The user asked for a language that no model here knows."""

    def __init__(self, language: str) -> None:
        super().__init__(
            "LANGUAGE_UNSUPPORTED",
            f"Speech in the language {language!r} cannot be transcribed: the engine knows English only.",
            "Say --language en if the video is in English; --language auto hears any video as English, "
            "and says where that is doubtful.",
        )


def is_assumed(language: str) -> bool:
    """True when English is an assumption, False when it was asked for. Raises LanguageUnsupportedError."""
    if language in ("", AUTO):
        return True
    if language != ENGLISH:
        raise LanguageUnsupportedError(language)
    return False
