"""What the command's exit code says; docs/cli.md documents it."""

from enum import IntEnum


class ExitCode(IntEnum):
    CLIPS_MADE = 0
    WRONG_USAGE = 2
    INPUT_AT_FAULT = 3
    NO_CLIP_FITS = 4
    PART_FAILED = 5
    # EX_TEMPFAIL of sysexits.h: the same command will do later.
    COME_BACK_LATER = 75
    INTERRUPTED = 130


def of_error(code: str) -> ExitCode:
    """The exit code of a ClipmillError's code."""
    if code.startswith("INPUT_"):
        return ExitCode.INPUT_AT_FAULT
    if code.startswith(("INVALID_", "LANGUAGE_")):
        return ExitCode.WRONG_USAGE
    if code in ("QUEUE_FULL", "RATE_LIMITED"):
        return ExitCode.COME_BACK_LATER
    return ExitCode.PART_FAILED
