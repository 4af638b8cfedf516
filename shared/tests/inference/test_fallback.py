"""A chain of executors: passes on what is not the request's fault, and says so."""

import pytest
from harness.tiny_models import RAISES, model, numbers

from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.fallback import PASSES_ON, Fallback
from clipmill_shared.inference.inprocess import InProcess


class Away:
    """Fails with a code until it is back."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.calls = 0

    async def infer(self, definition, inputs):
        self.calls += 1
        raise ClipmillError(self.code, "It is away.", "Wait.", retryable=True)

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("code", sorted(PASSES_ON))
async def test_the_next_one_answers_and_says_why_and_the_first_is_asked_each_time(code):
    first = Away(code)
    chain = Fallback([first, InProcess()])
    for _ in range(2):
        inferred = await chain.infer(model(), numbers(2))
        assert inferred.outputs["y"].item() == 4
        assert inferred.fallback == f"{code}: It is away."
    assert first.calls == 2
    await chain.close()


async def test_what_is_the_requests_own_fault_is_not_passed_on():
    first = Away("INVALID_TENSOR")
    chain = Fallback([first, InProcess()])
    with pytest.raises(ClipmillError, match="It is away"):
        await chain.infer(model(), numbers(2))
    await chain.close()


async def test_the_last_ones_error_is_the_callers():
    chain = Fallback([Away("TRITON_UNAVAILABLE"), InProcess()])
    with pytest.raises(ClipmillError) as caught:
        await chain.infer(model(), numbers(RAISES))
    assert caught.value.code == "MODEL_FAILED"
    await chain.close()
