"""What can be configured of the render worker. Environment: CLIPMILL_RENDER_<NAME>."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.compute import usable_cores
from clipmill_shared.settings import Settings

# Each thread more costs the encoder a little quality, and brings it less than the one before.
MAX_THREADS = 4


class RenderSettings(Settings):
    """Settings of the render worker."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_RENDER_")

    # One thread each wastes least: five clips on two cores took 22 s, against 28 s with one at a time on two threads,
    # whose passes over the sound leave a core idle.
    slots: int = Field(default_factory=usable_cores, ge=1, description="Clips rendered side by side.")
    threads: int | None = Field(
        default=None, ge=1, description="Threads of each clip; without it, slots times threads is the number of cores."
    )

    encoder: Literal["auto", "libx264", "h264_nvenc", "h264_videotoolbox", "h264_vaapi"] = Field(
        default="libx264",
        description="What compresses pictures: libx264, a graphics processor's encoder, or auto: the first of these "
        "that works. Where the one asked for does not, libx264; the result says why.",
    )

    @property
    def threads_each(self) -> int:
        return self.threads or max(1, usable_cores() // self.slots)

    @property
    def threads_of_last(self) -> int:
        """Threads of a job's last clip. Measured on two cores: alone, it takes three quarters of the time."""
        return self.threads or max(self.threads_each, min(usable_cores(), MAX_THREADS))
