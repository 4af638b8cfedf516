"""How a job's clips are finished is pinned whole, and what cannot be done is refused when it is asked for."""

from __future__ import annotations

import pytest
from clipmill_ingest.domain.options import complete
from clipmill_ingest.finish import finish_of

from clipmill.clips.v1.clips_pb2 import CaptionLook, ClipOptions, Finish, Masking
from clipmill.looks import looks
from clipmill_shared.errors import ClipmillError


def test_the_look_is_pinned_whole():
    said = ClipOptions(finish=Finish(look=CaptionLook(name="bold", size=0.5), masking=Masking.MASKING_TEXT))
    finish = finish_of(complete(said))
    assert (finish.look.name, finish.look.size, finish.look.words) == ("bold", 0.5, looks()["bold"].words)
    assert finish.masking == Masking.MASKING_TEXT
    assert finish_of(complete(ClipOptions())).look == looks()["classic"]
    assert finish_of(complete(ClipOptions(finish=finish))) == finish


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (Finish(look=CaptionLook(name="loud")), "loud"),
        (Finish(look=CaptionLook(outline=3)), "outline"),
        (Finish(masking=9), "masking"),
        (Finish(cut_pauses_s=0.1), "cut_pauses_s"),
        (Finish(cut_pauses_s=float("nan")), "cut_pauses_s"),
        (Finish(exports=["otio", "fcp"]), "fcp"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(said: Finish, word: str):
    with pytest.raises(ClipmillError, match=word) as refused:
        finish_of(complete(ClipOptions(finish=said)))
    assert refused.value.code == "INVALID_OPTIONS"
