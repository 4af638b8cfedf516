"""What an operator can choose: CLIPMILL_VISION_..."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from clipmill_shared.compute import usable_cores


class VisionSettings(BaseSettings):
    """VisionSettings of the vision worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_VISION_", frozen=True)

    # Parts looked at side by side, each in a child process.
    slots: int = Field(default_factory=usable_cores, ge=1)
    # Threads that decode in each child; with a slot a core, one is the best use of the cores.
    decoder_threads: int = Field(1, ge=1)
    # Face searches a second; every shot's first frame is searched besides.
    face_searches_per_s_fast: float = Field(2.0, gt=0)
    face_searches_per_s_best: float = Field(8.0, gt=0)
    # How often a second the profile best searches a picture without a face, or with small ones only, again: larger and
    # in pieces.
    close_searches_per_s_best: float = Field(2.0, ge=0)
    # Faces that the detector is less sure of are none.
    min_face_confidence: float = Field(0.65, gt=0, lt=1)
