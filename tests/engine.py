"""A private Docker engine for the tests, from Debian's packages, and a base image from this machine's own interpreter.

    python tests/engine.py start     unpacks, starts and furnishes the engine; prints `export DOCKER_HOST=...`
    python tests/engine.py stop      ends it and removes all of it

Needs root on Debian or Ubuntu, and neither an installed engine nor an image registry: the packages are unpacked into
the engine's own folder, beside its data and its socket. It has no bridge and touches no firewall. Run it with the
Python whose libraries the image shall hold.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("docker.io", "containerd", "runc", "tini", "libseccomp2", "libdevmapper1.02.1", "busybox-static")
OPTIONS = (
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--exec-opt=native.cgroupdriver=cgroupfs",
)
ORDINARY_GROUP = 12345
"""May use the engine: the group of the ordinary user that tests become."""
BASE_IMAGE = "mlesmith-test-base"
ROOTS = ("ipykernel", "numpy", "pandas", "scipy", "scikit-learn", "pyarrow", "pip")
UNUSED_OF_THE_LIBRARY = {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "lib2to3"}
UP_S = 30.0


class Engine:
    """The engine in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unpacked = folder / "unpacked"
        self.url = f"unix://{folder / 'docker.sock'}"
        self._pid_file = folder / "dockerd.pid"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.unpacked}/usr/sbin:{self.unpacked}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LD_LIBRARY_PATH": ":".join(str(p.parent) for p in self.unpacked.rglob("libseccomp.so.2")),
            "DOCKER_HOST": self.url,
        }

    def start(self) -> None:
        """Bring the engine up, with the sandbox's image. Does only what is not done yet."""
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        if self.folder.stat().st_uid != os.geteuid():
            sys.exit(f"{self.folder} belongs to somebody else; name another --folder")
        if not (self.unpacked / "usr/sbin/dockerd").exists():
            with stage("packages"):
                self._unpack()
        if not self._answers():
            with stage("engine"):
                self._run()
        if not self._docker("images", "-q", BASE_IMAGE).stdout.strip():
            with stage("base image"):
                self._import_base()
        with stage("sandbox image"):
            build = ["-m", "mlesmith_env", "sandbox", "build", "--base", BASE_IMAGE, "--network", "none"]
            environment = {**os.environ, "DOCKER_HOST": self.url, "PYTHONPATH": str(REPOSITORY)}
            subprocess.run([sys.executable, *build], env=environment, stdout=sys.stderr, check=True)

    def stop(self) -> None:
        """End the engine with everything in it, and remove its folder."""
        if self._answers():
            containers = self._docker("ps", "-aq").stdout.split()
            if containers:
                self._docker("rm", "-f", *containers)
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            pid = int(self._pid_file.read_text())
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not Path(f"/proc/{pid}").exists())
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", place], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unpack(self) -> None:
        archives = self.folder / "archives"
        archives.mkdir(exist_ok=True)
        for attempt in ("as the lists are", "with fresh lists"):
            if attempt == "with fresh lists":
                subprocess.run(["apt-get", "update", "-qq"], stdout=sys.stderr, check=True)
            command = ["apt-get", "download", "-qq", *PACKAGES]
            if subprocess.run(command, cwd=archives, stdout=sys.stderr, check=False).returncode == 0:
                break
        else:
            sys.exit("the engine's packages cannot be had")
        for archive in archives.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, self.unpacked], check=True)
        shutil.rmtree(archives)

    def _run(self) -> None:
        command = ["dockerd", "--host", self.url, "--pidfile", self._pid_file, *OPTIONS, f"--group={ORDINARY_GROUP}"]
        command += ["--data-root", self.folder / "data", "--exec-root", self.folder / "exec"]
        log = self.folder / "dockerd.log"
        with log.open("wb") as out:
            daemon = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        if not wait_until(lambda: self._answers() or daemon.poll() is not None) or not self._answers():
            daemon.kill()
            sys.exit(f"the engine does not come up:\n{log.read_text(errors='replace')[-3000:]}")

    def _answers(self) -> bool:
        return (self.unpacked / "usr/bin/docker").exists() and self._docker("version").returncode == 0

    def _docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *arguments], env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )

    def _import_base(self) -> None:
        change = ["--change", "ENV PATH=/usr/local/bin:/usr/bin:/bin"]
        importing = subprocess.Popen(
            ["docker", "import", *change, "-", BASE_IMAGE],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
        )
        assert importing.stdin is not None
        with importing.stdin, tarfile.open(fileobj=importing.stdin, mode="w|", bufsize=1 << 20) as image:
            write_root(image, self.unpacked / "bin/busybox")
        if importing.wait() != 0:
            sys.exit("the base image cannot be imported")


def write_root(image: tarfile.TarFile, busybox: Path) -> None:
    """A root file system: this interpreter below /usr/local, the libraries it needs, a shell."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    executable = Path(os.path.realpath(sys.executable))
    binaries = [executable]
    image.add(executable, f"usr/local/bin/{version}")
    link(image, "usr/local/bin/python3", version)
    for path in walk(library, UNUSED_OF_THE_LIBRARY):
        if not path.is_relative_to(library / f"config-{version}"):
            image.add(path, f"usr/local/lib/{version}/{path.relative_to(library)}")
            binaries += [path] if path.suffix == ".so" else []
    for path, name in installed_files(ROOTS):
        image.add(path, f"usr/local/lib/{version}/site-packages/{name}")
        binaries += [path] if ".so" in path.suffixes else []
    for name, path in shared_libraries(binaries).items():
        image.add(path, f"lib/{name}" if name.startswith("ld-") else f"usr/lib/{name}")
    for name in (p for p in shared_libraries([executable]) if p.startswith("ld-linux-x86-64")):
        link(image, f"lib64/{name}", f"../lib/{name}")
    image.add(busybox, "bin/busybox")
    for tool in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if tool != "busybox":
            link(image, f"bin/{tool}", "busybox")
    text(image, "etc/passwd", "root:x:0:0::/:/bin/sh\n")
    text(image, "etc/group", "root:x:0:\n")
    for name, mode in (("tmp", 0o1777), ("proc", 0o755), ("sys", 0o755), ("dev", 0o755), ("run", 0o755)):
        folder = tarfile.TarInfo(name)
        folder.type, folder.mode = tarfile.DIRTYPE, mode
        image.addfile(folder)


def walk(folder: Path, left_out: set[str]) -> Iterator[Path]:
    """Files below a folder, without the folders named in `left_out`."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in left_out]
        yield from (Path(place, name) for name in files)


def installed_files(roots: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Files of installed distributions and of all that they require, with their names below `site-packages`."""
    waiting, seen = list(roots), set[str]()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # required on other systems only
        required = [r for r in found.requires or [] if "extra ==" not in r]
        waiting += [re.split(r"[^\w.-]", r, maxsplit=1)[0] for r in required]
        for file in found.files or []:
            path = Path(os.path.normpath(found.locate_file(file)))
            if not {"..", "tests"} & set(file.parts) and path.is_file():
                yield path, str(file)


def shared_libraries(binaries: list[Path]) -> dict[str, Path]:
    """The libraries of the system that the dynamic loader finds for these files, by name."""
    printed = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    own = {str(path) for path in binaries}
    found: dict[str, Path] = {}
    for line in printed.splitlines():
        match = re.match(r"\s+(?:\S+ => )?(/\S+) \(0x", line)
        # what a wheel brings lies beside the files that need it
        if match and match[1] not in own and ".libs/" not in match[1] and "site-packages" not in match[1]:
            found[Path(match[1]).name] = Path(os.path.realpath(match[1]))
    return found


def link(image: tarfile.TarFile, name: str, target: str) -> None:
    """Add a symbolic link."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    image.addfile(entry)


def text(image: tarfile.TarFile, name: str, content: str) -> None:
    """Add a small file."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    image.addfile(entry, io.BytesIO(content.encode()))


def wait_until(condition: object, seconds: float = UP_S) -> bool:
    """Whether a condition comes true in time."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Say on stderr how long a stage took."""
    started = time.monotonic()
    yield
    print(f"{name}: {time.monotonic() - started:.1f} s", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["start", "stop"])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mlesmith-engine")
    given = parser.parse_args()
    engine = Engine(given.folder.resolve())
    if given.verb == "stop":
        engine.stop()
        return
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("a private engine needs root on Debian or Ubuntu")
    engine.start()
    print(f"export DOCKER_HOST={engine.url}")


if __name__ == "__main__":
    main()
