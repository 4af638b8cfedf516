"""A key goes where every other Kafka client would send it."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from clipmill_shared.bus.partitioner import partition_of


@given(st.binary(max_size=60), st.integers(1, 50))
def test_a_key_has_the_partition_that_others_give_it(key: bytes, count: int) -> None:
    partitions = list(range(count))
    wanted = DefaultPartitioner()(key, partitions, partitions)
    assert partition_of(key, partitions, partitions) == partition_of(key, partitions, []) == wanted


def test_without_a_key_an_available_partition_is_taken() -> None:
    assert partition_of(None, [0, 1, 2], [1]) == 1
    assert partition_of(None, [0], []) == 0
