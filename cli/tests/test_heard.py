"""What is asked of the catalog for clips.json: only what the job itself heard, for nothing else will ever come."""

from clipmill.audio.v1.audio_pb2 import Word
from clipmill.catalog.v1.catalog_pb2 import GetTranscriptResponse
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.jobs.v1.jobs_pb2 import Job
from clipmill_cli.deliver import heard_by


class Catalog:
    """Words at 10, 20, 30 and 40 s."""

    def __init__(self) -> None:
        self.asked: list[tuple[float | None, float | None, str]] = []

    async def heard(self, _video: str, start_s: float | None = None, end_s: float | None = None, job_id: str = ""):
        self.asked.append((start_s, end_s, job_id))
        words = [Word(text=f"{at}", start_s=at, end_s=at + 1) for at in (10, 20, 30, 40)]
        touching = [w for w in words if start_s is None or (w.end_s > start_s and w.start_s < (end_s or 0))]
        return GetTranscriptResponse(language="en", words=touching)


def job(*ranges: tuple[float, float]) -> Job:
    spans = [TimeRange(start_s=start_s, end_s=end_s) for start_s, end_s in ranges]
    return Job(job_id="j", video_id="v", options=ClipOptions(ranges=spans))


async def test_without_ranges_all_that_the_job_heard_is_asked_for():
    catalog = Catalog()
    heard = await heard_by(job(), catalog)
    assert catalog.asked == [(None, None, "j")]
    assert [word.text for word in heard.words] == ["10", "20", "30", "40"]


async def test_with_ranges_only_these_are_asked_for_and_no_word_comes_twice():
    catalog = Catalog()
    heard = await heard_by(job((25, 50), (5, 31)), catalog)
    assert catalog.asked == [(5, 31, "j"), (25, 50, "j")]
    assert [word.text for word in heard.words] == ["10", "20", "30", "40"]
    assert heard.language == "en"
