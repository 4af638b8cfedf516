"""What an operator can choose: CLIPMILL_AUDIO_..."""

from __future__ import annotations

import os

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class AudioSettings(BaseSettings):
    """AudioSettings of the audio worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_AUDIO_", frozen=True)

    # Parts heard side by side, each in a child process of one thread and about 300 MB.
    slots: int = Field(default_factory=_cores, ge=1)
