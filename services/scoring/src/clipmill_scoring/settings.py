"""What can be configured of scoring. Environment: CLIPMILL_SCORING_<NAME>."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from clipmill_shared.settings import Settings


class ScoringSettings(Settings):
    """Settings of the scoring worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_SCORING_")

    learns: bool = Field(
        default=False,
        description="Keeps jobs' candidates and what viewers do in a database, learns from it and serves ScoreClips.",
    )
    engagement_owner: str = Field(
        default="",
        description="Whose all events on engagement.events.v1 are; empty: each proves it by a signed token.",
    )
    preview_slots: int = Field(
        default=1, ge=0, description="Live sources whose candidates are looked for at once; 0: none here."
    )
    slots: int = Field(default=2, ge=1, description="Videos that are scored at once, each in a child process.")
    rerank_url: str = Field(
        "",
        pattern=r"^(https?://[^\s@]+)?$",
        description="An OpenAI-compatible service, as in https://host/v1, whose model compares the chosen clips' "
        "texts head to head and so orders them. Empty: they are in the order of their scores.",
    )
    rerank_key: SecretStr = Field(SecretStr(""), description="The key for that service.")
    rerank_model: str = Field("gpt-4o-mini", description="The model that service is asked for.")
    rerank_tokens: int = Field(20_000, ge=1, description="Tokens for a job, after which nothing more is asked.")
    rerank_timeout_s: float = Field(60.0, gt=0, description="How long all comparisons of a job may take together.")
