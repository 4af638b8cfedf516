"""What can be configured of the registry of models. Environment: CLIPMILL_MODELS_<NAME>."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.rpc.auth import LOCAL_OWNER
from clipmill_shared.settings import Settings


class ModelsSettings(Settings):
    """Settings of the models service."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_MODELS_")

    operator: str = Field(
        default=LOCAL_OWNER, min_length=1, description="The owner who may register, promote and delete versions."
    )
    definition_packages: tuple[str, ...] = Field(
        default=("clipmill_models",), description="Python packages whose definitions versions may name: your own alone."
    )
    max_artefact_bytes: int = Field(default=8 << 30, ge=1, description="The largest artefact that is copied.")
    url_allowed_hosts: frozenset[str] = Field(
        default=frozenset(), description="Hosts (name, or name:port) that artefacts may be had from though private."
    )
    url_idle_s: float = Field(default=30.0, gt=0, description="The silence after which a download is resumed.")
    url_tries: int = Field(default=5, ge=1, description="How often in a row a download without progress is resumed.")
    validate_s: float = Field(default=300.0, gt=0, description="How long checking a version may take.")
    validate_memory_bytes: int = Field(
        default=16 << 30, ge=1 << 30, description="The address space of the process that checks a version."
    )
    trainers: tuple[str, ...] = Field(
        default=("clip_scorer=clipmill_scoring.training:train",),
        description="Which entry point trains a model, MODEL=module:function: your own code alone.",
    )
    train_s: float = Field(default=3600.0, gt=0, description="How long a training may take.")
    train_memory_bytes: int = Field(
        default=16 << 30, ge=1 << 30, description="The address space of the process that trains."
    )
    train_max_bytes: int = Field(default=256 << 20, ge=1, description="The largest training set.")
    train_max_rows: int = Field(default=1_000_000, ge=1, description="The most rows that a trainer may take.")
    lifecycle_owner: str = Field(
        default="",
        description="Whose all requests on models.lifecycle.v1 are; empty: each proves it by a signed token.",
    )
    max_trainings: int = Field(default=8, ge=1, description="Trainings that wait or run; more are refused.")
    delete_grace_s: float = Field(
        default=86_400.0, ge=0, description="How long a deleted version's artefact stays, for jobs that have it pinned."
    )
    triton_addresses: tuple[str, ...] = Field(
        default=(), description="gRPC addresses, host:port, of every Triton that answers; none: models run here."
    )
    triton_drain_s: float = Field(
        default=60.0, ge=0, description="How long a version that no alias points at any more stays loaded on Triton."
    )
    predicts_per_minute: int = Field(
        default=6000, ge=1, description="Calls of Predict and PredictBatch of one owner, at once and a minute."
    )
    keep_answers_from_s: float | None = Field(
        default=None,
        ge=0,
        description="Answers of Predict are kept in the object store, too, of versions that take so long a call.",
    )
    memory_bytes: int = Field(
        default=2 << 30, ge=1, description="The memory of models that are loaded here; the one used longest ago goes."
    )
