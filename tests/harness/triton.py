"""A real tritonserver as a child process of the tests: the one of a wheel, with its Python backend, on loopback.

It has an environment of its own (`make test` makes it), with the packages of the models.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.server import Server, free_port

from clipmill_shared.compute.tied import tied

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".tools" / "triton"


class TritonServer(Server):
    """A server of the models in `repository`, each loaded when asked for."""

    def __init__(self, folder: Path, repository: Path, paths: Sequence[Path] = ()) -> None:
        super().__init__(folder, self._command_line, self._answers)
        self._repository = repository
        self._regions = f"triton-{folder.name}"
        self._http_port = free_port()
        self._backends = _backends(folder, paths)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it with its models' processes and their shared memory, of which some would else stay for ever."""
        left = [] if self._process is None else self.stubs()
        super().stop(how)
        for stub in left:
            with suppress(ProcessLookupError):
                os.kill(stub, signal.SIGKILL)
        for region in Path("/dev/shm").glob(f"{self._regions}*"):
            region.unlink()

    def stubs(self, model: str = "") -> list[int]:
        """The processes in which a model runs, or all do."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
                parent = int(re.search(r"PPid:\s+(\d+)", (folder / "status").read_text())[1])  # type: ignore[index]
            except (OSError, TypeError):
                continue
            if parent == self.pid and arguments[1:2] and f"/{model}".encode() in arguments[1]:
                found.append(int(folder.name))
        return found

    def _command_line(self, port: int) -> list[str]:
        site = _site_packages()
        libraries = os.pathsep.join([str(site / "nvidia_pytriton.libs"), sysconfig.get_config_var("LIBDIR")])
        return tied(
            [
                *("/usr/bin/env", f"LD_LIBRARY_PATH={libraries}", "OPENBLAS_NUM_THREADS=1"),
                str(site / "pytriton" / "tritonserver" / "bin" / "tritonserver"),
                *(f"--model-repository={self._repository}", f"--backend-directory={self._backends}"),
                f"--backend-config=python,shm-region-prefix-name={self._regions}",
                *(
                    f"--cache-directory={site / 'pytriton' / 'tritonserver' / 'caches'}",
                    "--cache-config=local,size=4194304",
                ),
                *("--model-control-mode=explicit", "--exit-on-error=false", "--allow-metrics=false"),
                *(f"--grpc-port={port}", f"--http-port={self._http_port}"),
                *("--grpc-address=127.0.0.1", "--http-address=127.0.0.1"),
            ]
        )

    def _answers(self, _port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}/v2/health/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def missing() -> str:
    """Why no server can run here; "" where one can."""
    if sys.version_info >= (3, 13):
        return "Triton's Python backend needs numpy 1, which no Python 3.13 has"
    library = Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME"))
    return "" if library.suffix != ".a" else "Triton's Python backend needs a Python that is a shared library"


@contextmanager
def triton(repository: Path, paths: Sequence[Path] = ()) -> Iterator[TritonServer]:
    """Run a server for as long as the context lasts; its models also find what is in `paths`."""
    with tempfile.TemporaryDirectory(prefix="clipmill-triton-") as name:
        server = TritonServer(Path(name), repository, paths)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _site_packages() -> Path:
    (found,) = ENVIRONMENT.glob("lib/python3*/site-packages")
    return found


def _backends(folder: Path, paths: Sequence[Path]) -> Path:
    """The wheel's Python backend, laid out as Triton wants it, with the stub of this Python.

    Its processes heed no PYTHONPATH but import from the backend's folder: so the packages are linked there.
    """
    backend = folder / "backends" / "python"
    wheel = _site_packages() / "pytriton" / "tritonserver"
    shutil.copytree(wheel / "backends" / "python", backend)
    shutil.copytree(wheel / "python_backend_stubs" / sysconfig.get_python_version(), backend, dirs_exist_ok=True)
    for program in backend.glob("triton_python_backend_stub"):
        program.chmod(0o755)
    for path in (_site_packages(), ROOT / "models" / "src", ROOT / "shared" / "src", *paths):
        for package in path.iterdir():
            (backend / package.name).symlink_to(package)
    return folder / "backends"
