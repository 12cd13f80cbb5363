"""What a server process does before it serves: limits, its folder, its lock, its secret.

Each refusal says what to do. Knows neither the node nor the event loop.
"""

from __future__ import annotations

import fcntl
import os
import resource
import socket
import stat
from pathlib import Path
from urllib.parse import quote

from proxyapp.runtime.filelock import FileLock, Held

WANTED_DESCRIPTORS = 65536
"""The kernel's table of so many takes half a megabyte."""


class StartError(Exception):
    """The server cannot start; the text names the reason and the remedy."""


def raise_descriptor_limit() -> int:
    """Raise the limit of open files as far as allowed, and return it.

    Their table is made as large at once: to grow it while the process has threads stalls the
    accept of a connection by 10 to 35 ms, each time that their number has doubled.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    wanted = WANTED_DESCRIPTORS if unlimited else min(max(WANTED_DESCRIPTORS, soft), hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    last = min(wanted, WANTED_DESCRIPTORS) - 1
    with open(os.devnull, "rb") as anything:
        os.close(fcntl.fcntl(anything, fcntl.F_DUPFD_CLOEXEC, last))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def data_folder(root: Path, application: str) -> Path:
    """Make and return the folder of this application; only its owner may look into it.

    Raises:
        StartError: it cannot be made or written.
    """
    name = quote(application, safe=" ").replace(".", "%2E")
    folder = root / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StartError(
            f"cannot use the data folder {folder}: {error.strerror}; "
            "give this account the right to write there, or set CSPROXY_DATA"
        ) from error
    return folder


def process_lock(folder: Path, application: str) -> FileLock:
    """Take the proof that no other server of the same application runs on this host.

    Raises:
        StartError: another process has it.
    """
    try:
        return FileLock(folder / "server.pid")
    except Held as error:
        raise StartError(
            f"a server of the application '{application}' runs on this host already "
            f"(process {error.holder}): stop it, or start this one with another -app"
        ) from error


def read_secret(path: str, environment: str) -> str:
    """Return the application's secret, from its file or else from the environment's value.

    Raises:
        StartError: the file cannot be read, is empty, or may be read by others.
    """
    if not path:
        return environment
    file = Path(path)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise StartError(
                f"others may read the secret file {path} (mode {mode:o}): run chmod 600 {path}, "
                "and make a new secret in the administration if it may have been seen"
            )
        secret = file.read_text().strip()
    except OSError as error:
        raise StartError(f"cannot read the secret file {path}: {error.strerror}") from error
    if not secret:
        raise StartError(f"the secret file {path} is empty: write the application's secret into it")
    return secret


def notify_service_manager(state: str) -> None:
    """Tell systemd a state such as READY=1; without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
        notifier.connect(address)
        notifier.sendall(state.encode())
