"""Every topic. Generated from protos/topics.yaml by `make generate`: do not edit."""

from clipmill.audio.v1 import audio_pb2
from clipmill.catalog.v1 import catalog_pb2
from clipmill.clips.v1 import clips_pb2
from clipmill.jobs.v1 import jobs_pb2
from clipmill.media.v1 import media_pb2
from clipmill.models.v1 import models_pb2
from clipmill.scoring.v1 import scoring_pb2
from clipmill.topic import Topic
from clipmill.vision.v1 import vision_pb2
from clipmill.work.v1 import work_pb2

INGEST_REQUESTS = Topic(
    name="ingest.requests.v1",
    message=jobs_pb2.JobRequest,
    key="owner_id",
    ordered=True,
    partitions=4,
    retention_h=168,
    writers=("outside", "cli"),
    readers=("ingest",),
)
IMPORT_TASKS = Topic(
    name="import.tasks.v1",
    message=media_pb2.ImportTask,
    key="task.task_id",
    ordered=False,
    partitions=8,
    retention_h=24,
    writers=("ingest",),
    readers=("ingest",),
)
MEDIA_INGESTED = Topic(
    name="media.ingested.v1",
    message=media_pb2.MediaIngested,
    key="task.job_id",
    ordered=True,
    partitions=8,
    retention_h=168,
    writers=("ingest",),
    readers=("ingest", "catalog"),
)
RECORD_TASKS = Topic(
    name="record.tasks.v1",
    message=media_pb2.RecordTask,
    key="task.task_id",
    ordered=False,
    partitions=4,
    retention_h=24,
    writers=("ingest",),
    readers=("ingest",),
)
MEDIA_PARTS = Topic(
    name="media.parts.v1",
    message=media_pb2.RecordedPart,
    key="task.job_id",
    ordered=True,
    partitions=4,
    retention_h=168,
    writers=("ingest",),
    readers=("ingest",),
)
AUDIO_TASKS = Topic(
    name="audio.tasks.v1",
    message=audio_pb2.AudioTask,
    key="task.task_id",
    ordered=False,
    partitions=16,
    retention_h=24,
    writers=("ingest",),
    readers=("audio",),
)
AUDIO_ANALYZED = Topic(
    name="audio.analyzed.v1",
    message=audio_pb2.AudioAnalyzed,
    key="task.job_id",
    ordered=True,
    partitions=8,
    retention_h=168,
    writers=("audio",),
    readers=("ingest", "catalog"),
)
VISION_TASKS = Topic(
    name="vision.tasks.v1",
    message=vision_pb2.VisionTask,
    key="task.task_id",
    ordered=False,
    partitions=16,
    retention_h=24,
    writers=("ingest",),
    readers=("vision",),
)
VISION_ANALYZED = Topic(
    name="vision.analyzed.v1",
    message=vision_pb2.VisionAnalyzed,
    key="task.job_id",
    ordered=True,
    partitions=8,
    retention_h=168,
    writers=("vision",),
    readers=("ingest", "catalog"),
)
SCORING_TASKS = Topic(
    name="scoring.tasks.v1",
    message=clips_pb2.ScoringTask,
    key="task.task_id",
    ordered=False,
    partitions=8,
    retention_h=24,
    writers=("ingest",),
    readers=("scoring",),
)
CLIPS_SCORED = Topic(
    name="clips.scored.v1",
    message=clips_pb2.ClipsScored,
    key="task.job_id",
    ordered=True,
    partitions=8,
    retention_h=168,
    writers=("scoring",),
    readers=("ingest", "catalog", "scoring"),
)
PREVIEW_TASKS = Topic(
    name="preview.tasks.v1",
    message=clips_pb2.ScoringTask,
    key="task.task_id",
    ordered=False,
    partitions=4,
    retention_h=24,
    writers=("ingest",),
    readers=("scoring",),
)
CLIPS_PREVIEWED = Topic(
    name="clips.previewed.v1",
    message=clips_pb2.ClipsPreviewed,
    key="task.job_id",
    ordered=True,
    partitions=4,
    retention_h=24,
    writers=("scoring",),
    readers=("ingest",),
)
RENDER_TASKS = Topic(
    name="render.tasks.v1",
    message=clips_pb2.RenderTask,
    key="task.task_id",
    ordered=False,
    partitions=16,
    retention_h=24,
    writers=("ingest",),
    readers=("render",),
)
CLIPS_RENDERED = Topic(
    name="clips.rendered.v1",
    message=clips_pb2.ClipRendered,
    key="task.job_id",
    ordered=True,
    partitions=8,
    retention_h=168,
    writers=("render",),
    readers=("ingest", "catalog"),
)
TASKS_FAILED = Topic(
    name="tasks.failed.v1",
    message=work_pb2.TaskFailed,
    key="task.job_id",
    ordered=True,
    partitions=8,
    retention_h=168,
    writers=("ingest", "audio", "vision", "scoring", "render"),
    readers=("ingest",),
)
WORKERS_STATUS = Topic(
    name="workers.status.v1",
    message=work_pb2.WorkerStatus,
    key="worker_id",
    ordered=True,
    partitions=1,
    retention_h=1,
    writers=("ingest", "audio", "vision", "scoring", "render"),
    readers=("ingest",),
)
JOBS_CONTROL = Topic(
    name="jobs.control.v1",
    message=work_pb2.JobControl,
    key="job_id",
    ordered=True,
    partitions=1,
    retention_h=24,
    writers=("ingest",),
    readers=("ingest", "audio", "vision", "scoring", "render"),
)
JOBS_PROGRESS = Topic(
    name="jobs.progress.v1",
    message=jobs_pb2.JobProgress,
    key="job.job_id",
    ordered=True,
    partitions=8,
    retention_h=168,
    writers=("ingest",),
    readers=("outside",),
)
CATALOG_CHANGES = Topic(
    name="catalog.changes.v1",
    message=catalog_pb2.CatalogChange,
    key="video_id",
    ordered=True,
    partitions=4,
    retention_h=168,
    writers=("catalog",),
    readers=("ingest", "scoring"),
)
ENGAGEMENT_EVENTS = Topic(
    name="engagement.events.v1",
    message=scoring_pb2.EngagementEvent,
    key="owner_id",
    ordered=True,
    partitions=4,
    retention_h=168,
    writers=("outside",),
    readers=("scoring",),
)
MODELS_ALIASES = Topic(
    name="models.aliases.v1",
    message=models_pb2.ModelAliases,
    key="model",
    ordered=True,
    partitions=1,
    retention_h=None,
    writers=("models",),
    readers=("ingest", "models"),
)
MODELS_LIFECYCLE = Topic(
    name="models.lifecycle.v1",
    message=models_pb2.ModelLifecycle,
    key="model",
    ordered=True,
    partitions=1,
    retention_h=168,
    writers=("outside", "models"),
    readers=("models", "outside"),
)
INFERENCE_LOGS = Topic(
    name="inference.logs.v1",
    message=models_pb2.InferenceRecord,
    key="model",
    ordered=False,
    partitions=4,
    retention_h=168,
    writers=("audio", "vision", "scoring", "models"),
    readers=("outside",),
)

ALL = (
    INGEST_REQUESTS,
    IMPORT_TASKS,
    MEDIA_INGESTED,
    RECORD_TASKS,
    MEDIA_PARTS,
    AUDIO_TASKS,
    AUDIO_ANALYZED,
    VISION_TASKS,
    VISION_ANALYZED,
    SCORING_TASKS,
    CLIPS_SCORED,
    PREVIEW_TASKS,
    CLIPS_PREVIEWED,
    RENDER_TASKS,
    CLIPS_RENDERED,
    TASKS_FAILED,
    WORKERS_STATUS,
    JOBS_CONTROL,
    JOBS_PROGRESS,
    CATALOG_CHANGES,
    ENGAGEMENT_EVENTS,
    MODELS_ALIASES,
    MODELS_LIFECYCLE,
    INFERENCE_LOGS,
)
