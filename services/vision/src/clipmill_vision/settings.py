"""What can be configured of the vision worker. Environment: CLIPMILL_VISION_<NAME>."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from clipmill_shared.compute import usable_cores
from clipmill_shared.settings import Settings


class VisionSettings(Settings):
    """Settings of the vision worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_VISION_")

    api: bool = Field(False, description="Serve VisionService.Analyze, for callers without a job; `clipmill up` does.")
    api_calls: int = Field(8, ge=1, description="Calls of Analyze that may be open; further ones are refused.")
    slots: int = Field(
        default_factory=usable_cores, ge=1, description="Parts looked at side by side, each in a child process."
    )
    decoder_threads: int = Field(
        1, ge=1, description="Threads that decode in each child; with a slot a core, one is the best use of the cores."
    )
    card: Literal["", "cuda"] = Field(
        "", description="Decode on a graphics card: cuda is NVIDIA's. Empty, or where that cannot: on the processor."
    )
    face_searches_per_s_fast: float = Field(
        2.0, gt=0, description="Face searches a second, profile fast; every shot's first frame is searched besides."
    )
    face_searches_per_s_best: float = Field(8.0, gt=0, description="The same, profile best.")
    close_searches_per_s_best: float = Field(
        2.0,
        ge=0,
        description="How often a second the profile best searches a picture without a face, or with small ones only, "
        "again: larger and in pieces.",
    )
    min_face_confidence: float = Field(
        0.65, gt=0, lt=1, description="Faces that the detector is less sure of are none."
    )
    looks_per_track_fast: int = Field(
        1, ge=0, description="In how many frames a face is looked at to know its person again, profile fast; 0: never."
    )
    looks_per_track_best: int = Field(4, ge=0, description="The same, profile best.")
    text_every_s_fast: float = Field(
        10.0, ge=0, description="Text is looked for in a keyframe each so many seconds at most, profile fast."
    )
    describe_url: str = Field(
        "",
        pattern=r"^(https?://[^\s@]+)?$",
        description="An OpenAI-compatible service with a model that sees, as in https://host/v1: keyframes of the "
        "videos are sent there, and what it says of them is searched by --about. Empty: none are.",
    )
    describe_key: SecretStr = Field(SecretStr(""), description="The key for that service.")
    describe_model: str = Field("gpt-4o-mini", description="The model that service is asked for.")
    describe_batch: int = Field(8, ge=1, le=50, description="Keyframes in one call.")
    describe_calls: int = Field(6, ge=1, description="Calls for a part of a video (three minutes), the most.")
    describe_tokens: int = Field(20_000, ge=1, description="Tokens for a part, after which no more calls are made.")
    describe_timeout_s: float = Field(60.0, gt=0, description="How long all calls of a part may take together.")
