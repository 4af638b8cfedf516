"""What an operator can choose: CLIPMILL_AUDIO_..."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from clipmill_shared.compute import usable_cores


class AudioSettings(BaseSettings):
    """AudioSettings of the audio worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_AUDIO_", frozen=True)

    # Parts heard side by side, each in a child process of one thread and about 300 MB.
    slots: int = Field(default_factory=usable_cores, ge=1)
