"""What the child processes of a service with an API are asked: to read a recording, or to hear a part."""

from __future__ import annotations

from clipmill_audio.exchange import Earlier, Heard, Moved, Part, Recording, Sound
from clipmill_audio.recording import read
from clipmill_audio.work import hear, voice_activity
from clipmill_shared.compute import Report
from clipmill_shared.inference.apart import with_models


@with_models
def answer(request: Part | Earlier | Recording, report: Report) -> Heard | Moved | Sound | None:
    """See `read` and `hear`."""
    return read(request, voice_activity()) if isinstance(request, Recording) else hear(request, report)
