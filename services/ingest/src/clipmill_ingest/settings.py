"""What can be configured of ingest. Environment: CLIPMILL_INGEST_<NAME>."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.compute import usable_cores
from clipmill_shared.settings import Settings


class IngestSettings(Settings):
    """Units are in the names."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_INGEST_")

    max_open_jobs: int = Field(1000, ge=1, description="Jobs beyond this number are refused until some have ended.")

    submits_per_minute: int = Field(
        0,
        ge=0,
        description="An owner may submit so often, as many at once; beyond it is refused. 0: as often as wished.",
    )
    requests_owner: str = Field(
        "",
        description="Binds ingest.requests.v1 to this owner, so that every request is theirs; empty: each proves its "
        "owner by a token.",
    )

    # --- the ledger ---
    lease_s: float = Field(20, gt=0, description="A task whose worker has not renewed its lease for so long is lost.")
    attempts: int = Field(3, ge=1, description="A task that was lost or failed so often fails its job.")
    retry_s: float = Field(1, ge=0, description="Wait before another attempt, times the attempts lost so far.")
    stall_s: float = Field(1800, gt=0, description="A leased task without progress for so long is lost.")
    queue_s: float = Field(600, gt=0, description="A released task that no worker takes for so long is lost.")
    no_worker_s: float = Field(
        600, gt=0, description="A job whose stage has had no live worker for so long fails with NO_WORKER."
    )
    worker_live_s: float = Field(5, gt=0, description="A worker not heard of for so long gets no tasks.")

    # --- history ---
    keep_jobs_days: float = Field(30, gt=0, description="Ended jobs are listed for so long.")
    keep_jobs: int = Field(10_000, ge=1, description="At most so many ended jobs are listed.")
    keep_events_per_job: int = Field(200, ge=1, description="Progress events kept of a job, for who watches late.")
    prune_every_s: float = Field(60, gt=0, description="How often what is old is forgotten.")

    # --- a broker that lost its data ---
    redrive_ended_s: float = Field(
        3600, ge=0, description="When the broker lost its data, jobs that ended so lately are told of again."
    )

    # --- the import stage ---
    import_slots: int = Field(2, ge=1, description="Videos that are hashed, probed and split side by side.")
    import_timeout_s: float = Field(3600, gt=0, description="Reading a video may take so long.")
    max_file_bytes: int = Field(64 << 30, gt=0, description="Larger videos are refused.")
    max_duration_s: float = Field(12 * 3600, gt=0, description="Longer videos are refused.")
    part_s: float = Field(180, gt=0, description="Parts of a video are about so long, or shorter for side_by_side.")
    side_by_side: int = Field(
        default_factory=usable_cores, ge=1, description="A video has at least so many parts, which workers do at once."
    )

    # --- live sources ---
    live_slots: int = Field(4, ge=0, description="Live sources that are recorded side by side; 0: none here.")
    live_max_s: float = Field(4 * 3600, gt=0, description="A live source is recorded for so long at most.")
    live_idle_s: float = Field(30, gt=0, description="A live source that brings nothing for so long has ended.")

    # --- models ---
    model_infer_s: float | None = Field(
        None, gt=0, description="A job gets the largest version of a model of which a call takes so long at most."
    )
    model_memory_bytes: int | None = Field(
        None, gt=0, description="A job gets the largest version of a model that takes so much memory at most."
    )

    # --- videos by URL ---
    url_connect_timeout_s: float = Field(10, gt=0, description="A video's host must answer in this time.")
    url_idle_timeout_s: float = Field(30, gt=0, description="A download that brings nothing for so long is given up.")
    url_total_timeout_s: float = Field(6 * 3600, gt=0, description="A download may take so long.")
    url_allowed_hosts: frozenset[str] = Field(
        frozenset(),
        description='Hosts ("name" or "name:port") that may have private addresses; everything else private is '
        "refused.",
    )
    upload_idle_timeout_s: float = Field(60, gt=0, description="An upload that sends nothing for so long is given up.")
