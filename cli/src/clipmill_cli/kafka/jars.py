"""Kafka's jars: fetched by jgo, or from an offline bundle, and in both cases the very ones of jars.sha256."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.errors import ClipmillError
from clipmill_shared.settings import Settings, variable_of

# Without a logging backend a broker that fails says nothing.
COORDINATES = "org.apache.kafka:kafka_2.13:4.1.0+org.slf4j:slf4j-simple:1.7.36"
# Lies in a bundle as its marker, and says by which release of Kafka it was made.
MARKER = "jars.sha256"


class BundleSettings(Settings):
    """Where Kafka's jars come from."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    kafka_bundle: Path | None = Field(
        None, description="What `clipmill kafka bundle` has made, for `clipmill up`; none: the jars are fetched, once."
    )


BUNDLE_VARIABLE = variable_of(BundleSettings, "kafka_bundle")


@cache
def pinned() -> Mapping[str, str]:
    """The SHA-256 of each jar, by file name."""
    lines = _pins().decode().split()
    return dict(zip(lines[1::2], lines[::2], strict=True))


def kafka_jars(unpacked: Path) -> list[Path]:
    """The jars, each checked: those of the bundle that CLIPMILL_KAFKA_BUNDLE names, or else jgo's, fetched once.

    A bundle in one file is unpacked into the folder `unpacked`. Errors: KAFKA_JARS_MISSING, KAFKA_JAR_CHANGED.
    """
    bundle = BundleSettings().kafka_bundle
    return _checked(_of_bundle(bundle, unpacked) if bundle else _of_jgo())


def write_bundle(target: Path) -> Path:
    """Copy the jars into `target`, a folder, or one file if its name ends with .tar; for machines without network."""
    jars = _checked(_of_jgo())
    if target.suffix == ".tar":
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        with tarfile.open(partial, "w") as tar:
            marker = files(__package__) / MARKER
            tar.add(str(marker), MARKER)
            for jar in jars:
                tar.add(jar, jar.name)
        partial.replace(target)
        return target
    target.mkdir(parents=True, exist_ok=True)
    for jar in jars:
        shutil.copyfile(jar, target / jar.name)
    (target / MARKER).write_bytes(_pins())
    return target


def _pins() -> bytes:
    return (files(__package__) / MARKER).read_bytes()


def _of_jgo() -> list[Path]:
    try:
        import jgo
    except ImportError as error:
        raise _missing("jgo, which fetches Kafka's jars, is not installed") from error
    try:
        return list(jgo.build(COORDINATES).all_jars)
    except Exception as error:
        raise _missing(f"Kafka's jars could not be fetched: {' '.join(str(error).split())[:300]}") from error


def _of_bundle(bundle: Path, unpacked: Path) -> list[Path]:
    if bundle.is_dir():
        return [bundle / name for name in pinned() if (bundle / name).is_file()]
    try:
        with tarfile.open(bundle) as tar:
            unpacked.mkdir(parents=True, exist_ok=True)
            for name in pinned():
                content = tar.extractfile(name)
                assert content is not None
                with (unpacked / name).open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (OSError, tarfile.TarError, KeyError) as error:
        raise _missing(f"{bundle} is no bundle of Kafka's jars ({error})") from error
    return [unpacked / name for name in pinned()]


def _checked(jars: list[Path]) -> list[Path]:
    """The jars, if they are those of the list: a jar that is another one may do anything."""
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}
    if absent := pinned().keys() - found.keys():
        raise _missing(f"{len(absent)} of Kafka's {len(pinned())} jars are missing, {min(absent)} among them")
    for jar in jars:
        if found[jar.name] != pinned().get(jar.name):
            raise ClipmillError(
                "KAFKA_JAR_CHANGED",
                f"{jar} is not the file that this release of Clipmill was made with: its SHA-256 differs.",
                f"Remove it, so that it is fetched anew, or make the bundle that {BUNDLE_VARIABLE} names anew.",
            )
    return jars


def _missing(why: str) -> ClipmillError:
    return ClipmillError(
        "KAFKA_JARS_MISSING",
        f"{why}.",
        "`make up` sets up all that is needed; without network, set CLIPMILL_KAFKA_BUNDLE to what "
        "`clipmill kafka bundle` has made; or use a Kafka of yours with --bootstrap HOST:PORT.",
    )
