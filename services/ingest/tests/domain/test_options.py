"""What may be asked of a job."""

from math import inf, nan

import pytest
from clipmill_ingest.domain.options import complete, fault_of

from clipmill.clips.v1.clips_pb2 import ClipOptions, Layout
from clipmill.common.v1.common_pb2 import TimeRange


def test_what_was_not_said_has_a_default_and_is_in_order():
    whole = complete(ClipOptions(about="bread", ranges=[TimeRange(start_s=0, end_s=1)]))

    assert (whole.clips, whole.about, len(whole.ranges)) == (5, "bread", 1)
    assert fault_of(whole) is None


@pytest.mark.parametrize("span", [(5, 5), (6, 5), (-1, 5), (0, inf), (nan, 5), (0, nan)])
def test_a_range_has_a_beginning_before_its_end(span):
    fault = fault_of(complete(ClipOptions(ranges=[TimeRange(start_s=span[0], end_s=span[1])])))

    assert fault is not None
    assert "range" in fault[0]


def test_requests_are_bounded():
    assert fault_of(complete(ClipOptions(about="a" * 301)))
    assert fault_of(complete(ClipOptions(ranges=[TimeRange(start_s=0, end_s=1)] * 21)))


def test_a_layout_that_only_a_shot_can_have_is_refused():
    assert complete(ClipOptions()).layout == Layout.LAYOUT_AUTO
    assert fault_of(complete(ClipOptions(layout=Layout.LAYOUT_SPLIT))) is None
    fault = fault_of(complete(ClipOptions(layout=Layout.LAYOUT_FOUR)))
    assert fault is not None
    assert "layout" in fault[0]
