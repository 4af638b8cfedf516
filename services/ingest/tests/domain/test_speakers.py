"""Whether it is asked who speaks, and of how many."""

import pytest
from clipmill_ingest.domain.options import complete, fault_of, speakers_given, wants_speakers

from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import PROFILE_BEST, PROFILE_FAST


@pytest.mark.parametrize(("profile", "speakers"), [(PROFILE_FAST, "off"), (PROFILE_BEST, "find")])
def test_who_does_not_say_has_what_the_profile_affords(profile, speakers):
    assert complete(ClipOptions(profile=profile)).speakers == speakers


@pytest.mark.parametrize(
    ("said", "wants", "given"), [("off", False, 0), ("find", True, 0), ("3", True, 3), ("", False, 0)]
)
def test_they_are_found_given_or_left_alone(said, wants, given):
    options = ClipOptions(speakers=said)
    assert (wants_speakers(options), speakers_given(options)) == (wants, given)


@pytest.mark.parametrize("said", ["0", "21", "two", "-1", "1.5", "auto"])
def test_anything_else_is_refused(said):
    fault = fault_of(complete(ClipOptions(speakers=said)))
    assert fault is not None
    assert "speakers" in fault[0]


@pytest.mark.parametrize("said", ["1", "20", "find", "off"])
def test_what_can_be_done_is_accepted(said):
    assert fault_of(complete(ClipOptions(speakers=said))) is None
