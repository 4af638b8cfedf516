"""What is finished of a partition, held against a plain set of offsets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clipmill_shared.bus.finished import Finished

offsets = st.lists(st.integers(0, 40), unique=True, max_size=40)


@given(begin=st.integers(0, 10), ended=offsets)
def test_it_says_of_every_offset_what_a_set_says(begin: int, ended: list[int]) -> None:
    finished, model = Finished(begin), set(range(begin))
    for offset in ended:
        finished = finished.with_span(offset, offset + 1)
        model.add(offset)
        assert {at for at in range(60) if at in finished} == model
        assert finished.next_offset == min(set(range(60)) - model)


@given(begin=st.integers(0, 10), ended=offsets)
def test_spans_rise_and_lie_apart_so_their_number_is_bounded_by_what_is_unfinished(
    begin: int, ended: list[int]
) -> None:
    finished = Finished(begin)
    for offset in ended:
        finished = finished.with_span(offset, offset + 1)
    edges = [finished.next_offset, *(edge for span in finished.beyond for edge in span)]
    assert edges == sorted(set(edges))
    unfinished = set(range(begin, 41)) - set(ended)
    assert len(finished.beyond) <= len(unfinished)


@given(data=st.data(), records=st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=30).map(sorted))
def test_offsets_without_a_record_hold_nothing_up(data: st.DataObject, records: list[int]) -> None:
    """Each record stands for the gap before it: when all have ended, in any order, nothing is open."""
    since = dict(zip(records, [0, *(offset + 1 for offset in records)], strict=False))
    finished = Finished()
    for offset in data.draw(st.permutations(records)):
        finished = finished.with_span(since[offset], offset + 1)
    assert finished == Finished(records[-1] + 1)


@given(begin=st.integers(0, 2**62), ended=offsets)
def test_what_is_written_down_is_read_again(begin: int, ended: list[int]) -> None:
    finished = Finished(begin)
    for offset in ended:
        finished = finished.with_span(begin + offset, begin + offset + 1)
    assert Finished.decoded(finished.next_offset, finished.encoded_beyond()) == finished
