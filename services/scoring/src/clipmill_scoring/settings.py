"""What can be configured of scoring. Environment: CLIPMILL_SCORING_<NAME>."""

from __future__ import annotations

from pathlib import Path

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
    features_url: str = Field(
        default="",
        pattern=r"^((file|s3|gs|az|memory):.+)?$",
        description="Where jobs' features are kept as Parquet, file:///folder or s3://bucket/prefix; needs "
        "scoring.learns. Empty: nowhere.",
    )
    features_file: Path | None = Field(
        default=None,
        description="A YAML file that says which features are kept of what, for how long (docs/features.md); "
        "none: all, for 90 days.",
    )
    features_keep_d: float = Field(
        default=400.0, gt=0, description="Days after which a job's features are erased, its video or not."
    )
    features_logged_share: float = Field(
        default=0.1, ge=0, le=1, description="Which share of the clips that are served is logged, to be checked."
    )
    features_check_s: float = Field(
        default=3600.0,
        ge=0,
        description="Seconds after which five of the jobs that were logged are measured again; 0: never.",
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
