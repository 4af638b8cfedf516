"""Where models run, and what is noted of it. Environment: CLIPMILL_TRITON_<NAME>, CLIPMILL_INFERENCE_<NAME>."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.inference.configured import Inference
from clipmill_shared.settings import Settings


class TritonSettings(Settings):
    """Where a Triton is that has the models."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_TRITON_")

    address: str = Field(
        "",
        pattern=r"^(.+:\d+)?$",
        description="The gRPC address, host:port, of a Triton with `make models`' repository; empty: models run in the "
        "services' own processes, which they also do whenever it does not answer.",
    )
    deadline_s: float = Field(10.0, gt=0, description="How long one call of a model may take there.")
    shared_from_bytes: int | None = Field(
        None,
        ge=1,
        description="Inputs of so many bytes and more go by shared memory: only for a Triton on this machine that sees "
        "its /dev/shm.",
    )


class InferenceSettings(Settings):
    """What is noted of calls of models."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_INFERENCE_")

    log_share: float = Field(
        0.0, ge=0, le=1, description="Share of the calls of models that leave a record on inference.logs.v1."
    )


def configured_inference() -> Inference:
    """As the settings say."""
    triton = TritonSettings()
    return Inference(triton.address, triton.deadline_s, InferenceSettings().log_share, triton.shared_from_bytes)
