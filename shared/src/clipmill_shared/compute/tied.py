"""Runs a command that ends when the process that started it ends, however that happens (Linux).

Run by its path, `python -SE tied.py PARENT_PID COMMAND...`, and replaced by the command. Not a preexec_fn: that runs
Python between fork and exec, which a process with threads must not.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def tied(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` tied to this process. Start it on the main thread: the kernel ties a child
    to the thread that started it.
    """
    return [sys.executable, "-S", "-E", __file__, str(os.getpid()), *command]


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)  # It ended before the tie was made.
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
