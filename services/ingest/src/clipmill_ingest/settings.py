"""What can be configured of ingest. Environment: CLIPMILL_INGEST_<NAME>."""

from __future__ import annotations

import os

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IngestSettings(BaseSettings):
    """Units are in the names."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_INGEST_", frozen=True)

    # Jobs beyond this number are refused until some have ended.
    max_open_jobs: int = Field(1000, ge=1)

    # --- the ledger ---
    lease_s: float = Field(20, gt=0)
    attempts: int = Field(3, ge=1)
    retry_s: float = Field(1, ge=0)
    stall_s: float = Field(1800, gt=0)
    queue_s: float = Field(600, gt=0)
    no_worker_s: float = Field(600, gt=0)
    # A worker that has not been heard of for so long gets no tasks.
    worker_live_s: float = Field(5, gt=0)

    # --- history ---
    keep_jobs_days: float = Field(30, gt=0)
    keep_jobs: int = Field(10_000, ge=1)
    keep_events_per_job: int = Field(200, ge=1)
    prune_every_s: float = Field(60, gt=0)

    # --- the import stage ---
    import_slots: int = Field(2, ge=1)
    import_timeout_s: float = Field(3600, gt=0)
    max_file_bytes: int = Field(64 << 30, gt=0)
    max_duration_s: float = Field(12 * 3600, gt=0)
    # Parts are about so long, and at least so many as work side by side.
    part_s: float = Field(180, gt=0)
    side_by_side: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)

    # --- videos by URL ---
    url_connect_timeout_s: float = Field(10, gt=0)
    url_idle_timeout_s: float = Field(30, gt=0)
    url_total_timeout_s: float = Field(6 * 3600, gt=0)
    # Hosts ("name" or "name:port") that may have private addresses. Everything else private is refused.
    url_allowed_hosts: frozenset[str] = frozenset()
    # An upload that sends nothing for so long is given up.
    upload_idle_timeout_s: float = Field(60, gt=0)
