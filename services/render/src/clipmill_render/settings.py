"""What an operator can choose: CLIPMILL_RENDER_..."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from clipmill_shared.compute import usable_cores


class RenderSettings(BaseSettings):
    """Settings of the render worker; from the environment, CLIPMILL_RENDER_SLOTS for `slots` and so on."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_RENDER_", frozen=True)

    # Clips rendered side by side. One thread each wastes least: five clips on two cores took 22 s, against 28 s with
    # one at a time on two threads, whose passes over the sound leave a core idle.
    slots: int = Field(default_factory=usable_cores, ge=1)
    # Threads of each; by default slots times threads is the number of cores.
    threads: int | None = Field(default=None, ge=1)

    @property
    def threads_each(self) -> int:
        return self.threads or max(1, usable_cores() // self.slots)
