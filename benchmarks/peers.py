"""The peers that the servers are measured beside, on loopback, with their data in a folder.

Each is started as its own documentation says for speed: etcd and ZooKeeper need not wait for
the disk, Redis writes nothing.
"""

from __future__ import annotations

import importlib.metadata
import re
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from benchmarks import provenance
from benchmarks.generators import grpc
from benchmarks.measuring import Teller
from benchmarks.processes import Missing, Server, free_port, http_get, listens, require

_JARS = ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "netty-all")
_JAR_FOLDER = Path("/usr/share/java")


class Etcd:
    """etcd, and its caching proxy in front of it."""

    def __init__(self, folder: Path) -> None:
        program = require("etcd", "etcd-server")
        provenance.took_part("etcd", provenance.version_of([program, "--version"]))
        self.port, self.proxy_port, peer_port = free_port(), free_port(), free_port()
        address, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{peer_port}"
        self.server = Server(
            [program, "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync",
             "--listen-client-urls", address, "--advertise-client-urls", address,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", f"default={peer}"],
            folder / "etcd.log",
            lambda: http_get(self.port, "/health")[0] == 200,
        )  # fmt: skip
        self.proxy = Server(
            [program, "grpc-proxy", "start", f"--endpoints=127.0.0.1:{self.port}",
             f"--listen-addr=127.0.0.1:{self.proxy_port}"],
            folder / "etcd-proxy.log",
            lambda: listens(self.proxy_port),
        )  # fmt: skip

    def put(self, key: bytes, value: bytes) -> None:
        """Store a value."""
        grpc.call(self.port, grpc.PUT, grpc.put(key, value))

    def stop(self) -> None:
        """End both."""
        self.proxy.stop()
        self.server.stop()


class ZooKeeper:
    """ZooKeeper, alone."""

    def __init__(self, folder: Path) -> None:
        java = require("java", "default-jre-headless")
        jars = [_JAR_FOLDER / f"{name}.jar" for name in _JARS]
        missing = [jar.name for jar in jars if not jar.exists()]
        if missing:
            raise Missing(f"{', '.join(missing)} not found: install the package zookeeper")
        self.port = free_port()
        data = folder / "zookeeper"
        data.mkdir()
        configuration = folder / "zoo.cfg"
        configuration.write_text(
            f"tickTime=2000\ndataDir={data}\nclientPort={self.port}\n"
            "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n"
        )
        self.server = Server(
            [java, "-Dzookeeper.forceSync=no", "-cp", ":".join(map(str, jars)),
             "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(configuration)],
            folder / "zookeeper.log",
            self._serves,
        )  # fmt: skip
        provenance.took_part("ZooKeeper", self._version())

    def _serves(self) -> bool:
        """Whether it answers: it listens some time before it does."""
        return "Mode:" in self._status()

    def _version(self) -> str:
        found = re.search(r"version: (\d+(\.\d+)+)", self._status())
        return found[1] if found else ""

    def _status(self) -> str:
        """Return what it tells of itself; nothing if nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(b"srvr")
                return line.recv(4096).decode()
        except OSError:
            return ""

    def stop(self) -> None:
        """End it."""
        self.server.stop()


class Redis:
    """Redis, in memory alone."""

    def __init__(self, folder: Path) -> None:
        program = require("redis-server", "redis-server")
        provenance.took_part("Redis", provenance.version_of([program, "--version"]))
        self.port = free_port()
        self.server = Server(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
             "--save", "", "--appendonly", "no"],
            folder / "redis.log",
            lambda: listens(self.port),
        )  # fmt: skip

    def stop(self) -> None:
        """End it."""
        self.server.stop()


class Bare:
    """A server on our event loop that does nothing: what the machine leaves to any server."""

    REQUEST, ANSWER = 96, 325  # bytes, as our own

    def __init__(self, folder: Path) -> None:
        provenance.took_part("uvloop", importlib.metadata.version("uvloop"))
        self.port = free_port()
        sizes = [str(self.REQUEST), str(self.ANSWER)]
        self.server = Server(
            [sys.executable, "-m", "benchmarks.bare", str(self.port), *sizes],
            folder / "bare.log",
            lambda: listens(self.port),
        )

    def stop(self) -> None:
        """End it."""
        self.server.stop()


Peer = TypeVar("Peer", Etcd, ZooKeeper, Redis, Bare)
Told = TypeVar("Told", bound=Teller)


class Peers:
    """The peers of one benchmark; those that are not installed are told and left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Etcd | ZooKeeper | Redis | Bare] = []
        self._open = ExitStack()

    def start(self, kind: Callable[[Path], Peer]) -> Peer | None:
        """Start a peer; None where it is not installed."""
        try:
            peer = kind(self._folder)
        except Missing as error:
            print(f"left out: {error}")
            return None
        self._started.append(peer)
        return peer

    def keep(self, load: Told) -> Told:
        """End a load generator before the peers."""
        self._open.enter_context(load)
        return load

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()
        for peer in self._started:
            peer.stop()
