"""What the import's child process is asked: to import, or to compare recordings."""

from __future__ import annotations

from clipmill.media.v1.media_pb2 import Likeness
from clipmill_ingest.comparing import candidates, compared
from clipmill_ingest.exchange import Candidates, Imported, ImportRequest, LikenessRequest, SketchesRequest
from clipmill_ingest.work import import_video
from clipmill_shared.compute import Report


def answer(
    request: ImportRequest | SketchesRequest | LikenessRequest, report: Report
) -> Imported | Candidates | Likeness | None:
    """See `import_video`, `candidates` and `compared`."""
    if isinstance(request, SketchesRequest):
        return candidates(request)
    return compared(request) if isinstance(request, LikenessRequest) else import_video(request, report)
