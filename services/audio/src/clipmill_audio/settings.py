"""What can be configured of the audio worker. Environment: CLIPMILL_AUDIO_<NAME>."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from clipmill_shared.compute import usable_cores
from clipmill_shared.settings import Settings


def default_weights_dir() -> Path:
    """The user's cache folder of the platform (Linux: ~/.cache/clipmill/weights)."""
    return platformdirs.user_cache_path("clipmill", appauthor=False) / "weights"


class AudioSettings(Settings):
    """Settings of the audio worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_AUDIO_")

    api: bool = Field(
        False, description="Serve AudioService.Transcribe, for callers without a job; `clipmill up` does."
    )
    api_calls: int = Field(8, ge=1, description="Calls of Transcribe that may be open; further ones are refused.")
    slots: int = Field(
        default_factory=usable_cores,
        ge=1,
        description="Parts heard side by side, each in a child process of one thread and about 300 MB.",
    )
    weights_dir: Path = Field(
        default_factory=default_weights_dir,
        description="Where Whisper's weights are kept that were downloaded; those in the user's Hugging Face cache are "
        "used where they lie.",
    )
    hub_url: str = Field(
        "https://huggingface.co",
        pattern=r"^https?://[^\s/]+(/[^\s]*)?$",
        description="Where Whisper's weights are downloaded from when --asr whisper asks for some that are not there.",
    )
    openai_url: str = Field(
        "",
        pattern=r"^(https?://[^\s@]+)?$",
        description="An OpenAI-compatible transcription service, as in https://host/v1, for --asr openai; the sound "
        "of the videos is sent there. Empty: none.",
    )
    openai_key: SecretStr = Field(SecretStr(""), description="The key for that service.")
    openai_model: str = Field("whisper-1", description="The model that service is asked for.")
    openai_timeout_s: float = Field(120.0, gt=0, description="How long that service may take for 15 s of speech.")
