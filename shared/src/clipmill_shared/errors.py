"""The one error that users see: a stable code, what happened, what to do next."""

from __future__ import annotations

from clipmill.common.v1.common_pb2 import Failure


class ClipmillError(Exception):
    """Something could not be done, and the user can be told why.

    `code` is stable and upper-case; codes that begin with INPUT_ say that the input is at fault. `message` is one
    sentence that names the thing, `remedy` one that says what to do. `retryable` is true when the same work may
    succeed on another attempt, `retry_after_s` then says when at the earliest, where that is known. docs/errors.md
    lists every code.
    """

    # Whose error it is, of a model by a version that a job pinned.
    model = ""

    def __init__(
        self, code: str, message: str, remedy: str, *, retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.retryable = retryable
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders by pickle, which else forgets keyword-only arguments.
        return _rebuild, (type(self), self.args), self.__dict__

    def failure(self, part: str) -> Failure:
        """The error as a message; `part` is the stage that failed."""
        return Failure(code=self.code, message=self.message, remedy=self.remedy, part=part, retryable=self.retryable)

    @property
    def is_input_at_fault(self) -> bool:
        return self.code.startswith("INPUT_")


def _rebuild(kind: type[ClipmillError], args: tuple[object, ...]) -> ClipmillError:
    # Not kind(...): most subclasses make what they are of arguments of their own.
    return kind.__new__(kind, *args)


class DiskFullError(ClipmillError):
    """There is no room where Clipmill keeps its data."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            "DISK_FULL",
            f"No space is left on the disk of {folder}.",
            "Free some space, or run `clipmill clean`, or set CLIPMILL_DATA_DIR to a larger disk; "
            "the same command then goes on where it stopped.",
        )
