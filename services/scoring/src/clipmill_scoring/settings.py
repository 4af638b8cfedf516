"""What can be configured of scoring."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ScoringSettings(BaseSettings):
    """From the environment, CLIPMILL_SCORING_SLOTS for `slots` and so on."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_SCORING_", frozen=True)

    slots: int = Field(default=2, ge=1, description="Videos that are scored at once.")
