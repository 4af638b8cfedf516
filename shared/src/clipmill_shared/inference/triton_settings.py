"""Where a Triton is. Environment: CLIPMILL_TRITON_<NAME>."""

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

    @property
    def inference(self) -> Inference:
        return Inference(self.address, self.deadline_s)
