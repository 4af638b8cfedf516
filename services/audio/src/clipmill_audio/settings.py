"""What can be configured of the audio worker. Environment: CLIPMILL_AUDIO_<NAME>."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.compute import usable_cores
from clipmill_shared.settings import Settings


class AudioSettings(Settings):
    """Settings of the audio worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_AUDIO_")

    slots: int = Field(
        default_factory=usable_cores,
        ge=1,
        description="Parts heard side by side, each in a child process of one thread and about 300 MB.",
    )
