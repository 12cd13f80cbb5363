"""The real product for a benchmark: a database with a large store, a master, proxies.

The filled database is kept between runs in the temporary folder of the machine, under a name
that changes with whatever made it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import Teller
from benchmarks.processes import (
    LOAD_CORE,
    ROOT,
    SERVER_CORE,
    Server,
    free_port,
    http_get,
    pinned,
    require,
)

READER = "reader"
ADMINISTRATOR = "default"
PASSWORD = "only for benchmarks"  # noqa: S105 - of servers that live for a minute, on loopback
DOCUMENT = 164
"""Bytes of a document, unless the question says: those of a point read's answer are 325."""
_SETUP = "import django; django.setup(); "
_CACHE = Path(tempfile.gettempdir()) / "csproxy-benchmarks"
_SOURCES = (
    "benchmarks/filling.py",
    "proxyapp/migrations/*.py",
    "historylog/migrations/*.py",
    "confwire/objects/*.py",
)


class Node(Server):
    """A running master or proxy."""

    def __init__(
        self,
        site: Site,
        command: str,
        port: int,
        *arguments: str,
        web: bool = False,
        core: int = SERVER_CORE,
        stands_by: bool = False,
    ) -> None:
        """Start it; wait until it serves, or stands by for the primary that it is linked to."""
        self.port, self.web_port, self.status_port = port, free_port(), free_port()
        ports = ["-web-port", str(self.web_port), "-status-port", str(self.status_port)]
        super().__init__(
            [sys.executable, "manage.py", command, *ports, *([] if web else ["--no-web"]),
             *arguments],
            site.folder / f"{command}-{port}.log",
            self._stands_by if stands_by else lambda: http_get(port, "/readyz")[0] == 200,
            site.environment,
            core,
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        """Return its status."""
        code, body = http_get(self.status_port, "/status")
        assert code == 200, (code, body)
        status: dict[str, Any] = json.loads(body)
        return status

    def _stands_by(self) -> bool:
        code, body = http_get(self.status_port, "/status")
        if code != 200:
            return False
        status: dict[str, Any] = json.loads(body)
        if status["authority"].get("role") == "backup":
            return True
        pair = status.get("pair") or {}
        return (pair.get("running"), pair.get("link")) == ("backup", "live")


class Site:
    """A filled database, and the servers that were started on it; a context manager.

    With DATABASE_URL in the environment it is that database, which must be empty; else a copy
    of a filled SQLite database.
    """

    def __init__(self, objects: int, document: int = DOCUMENT) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="csproxy-benchmark-"))
        self.environment = _environment(self.folder)
        self._servers: list[Server] = []
        self._backup_port = 0
        if "DATABASE_URL" in os.environ:
            self.environment["DATABASE_URL"] = os.environ["DATABASE_URL"]
            _fill(self.environment, objects, document, self.folder)
        else:
            shutil.copytree(filled(objects, document), self.folder, dirs_exist_ok=True)
        store = json.loads((self.folder / "store.json").read_text())
        self.first: int = store["first"]
        """The DBID of the first object; the others follow without a gap."""
        self.count: int = store["count"]
        self.folders: list[int] = store["folders"]
        self._secret_file = self.folder / "secret"
        self._secret_file.touch(mode=0o600)
        self._secret_file.write_text(store["secret"])
        self._master_port, self._proxy_port = free_port(), free_port()
        self.python(f"filling.set_ports({self._master_port}, {self._proxy_port})")

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *exc: object) -> None:
        for server in reversed(self._servers):
            server.stop()
        shutil.rmtree(self.folder)

    def python(self, code: str) -> str:
        """Run a line of code that knows `filling` on the database; return what it printed."""
        return _python(self.environment, code)

    def commit_times(self, after: int) -> dict[int, float]:
        """Return when the transactions above a revision were committed, in seconds."""
        text = self.python(f"import json; print(json.dumps(filling.commit_times({after})))")
        return {int(revision): at for revision, at in json.loads(text).items()}

    def revision(self) -> int:
        """Return the number of the last transaction."""
        return int(self.python("print(filling.revision())"))

    def secure(self) -> str:
        """Let the proxy take clients by TLS, too; return the file of its certificate's CA."""
        certificate, key = str(self.folder / "proxy.pem"), str(self.folder / "proxy.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=benchmark", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        self.python(f"filling.set_certificate({certificate!r}, {key!r})")
        return certificate

    def committer(self, core: int | None = None) -> Teller:
        """Start a process that commits; it may use every core unless one is named."""
        code = _SETUP + "from benchmarks import committing; committing.serve()"
        command = [sys.executable, "-c", code]
        return Teller(command if core is None else pinned(core, command), self.environment)

    def master(self, *, web: bool = False, core: int = SERVER_CORE) -> Node:
        """Start the master."""
        return self._start("runmaster", self._master_port, web=web, core=core)

    def proxy(self, *, web: bool = False, through: int | None = None) -> Node:
        """Start the proxy; the master must run, and be reached at its own port or `through`."""
        port = through or self._master_port
        server = ["-app", "site-1", "-host", "127.0.0.1", "-port", str(port)]
        secret = ["-secret", str(self._secret_file)]
        return self._start(
            "runproxy", self._proxy_port, *server, *secret, web=web, core=SERVER_CORE
        )

    def pair(self, timeout: int) -> tuple[Node, Node]:
        """Start the proxy and a backup of it; their keep-alive is in seconds."""
        port, sync_ports = free_port(), (free_port(), free_port())
        secret = self._standing(f"add_backup({port}, {sync_ports}, {timeout})")
        return self.proxy(), self._other(port, secret, stands_by=True)

    def pool(self) -> tuple[int, tuple[Node, Node]]:
        """Start the proxy, another member of its pool, and HAProxy; return the port of that.

        Raises:
            Missing: there is no HAProxy.
        """
        port, balancer = free_port(), free_port()
        secret = self._standing(f"add_member({port}, {balancer})")
        members = self.proxy(), self._other(port, secret)
        text = (ROOT / "deploy/haproxy.cfg").read_text()
        # Its limit of connections is one of file descriptors; its second pool is not asked for.
        text = text[: text.index("frontend pool-b")].replace("maxconn 40000", "maxconn 8000")
        text = text.replace("bind :2120", f"bind 127.0.0.1:{balancer}")
        for number, member in enumerate(members, start=1):
            text = text.replace(f"10.1.0.1{number}:2020", f"127.0.0.1:{member.port}")
        file = self.folder / "haproxy.cfg"
        file.write_text(text)
        self._servers.append(
            Server(
                [require("haproxy", "haproxy"), "-f", str(file), "-db"],
                self.folder / "haproxy.log",
                lambda: http_get(balancer, "/readyz")[0] == 200,
                self.environment,
                LOAD_CORE,
            )
        )
        return balancer, members

    def masters(self) -> tuple[Node, Node]:
        """Start the master, and a backup of it."""
        if not self._backup_port:
            self._backup_port = free_port()
            self.python(
                f"from benchmarks import standing; standing.add_backup_master({self._backup_port})"
            )
        primary = self.master()
        backup = Node(
            self, "runmaster", self._backup_port, "-app", "confserv-backup", stands_by=True
        )
        self._servers.append(backup)
        return primary, backup

    def _standing(self, call: str) -> Path:
        """Provide another server; return the file of its secret."""
        secret = self.folder / "other-secret"
        secret.touch(mode=0o600)
        secret.write_text(self.python(f"from benchmarks import standing; standing.{call}"))
        return secret

    def _other(self, port: int, secret: Path, *, stands_by: bool = False) -> Node:
        server = ["-app", "site-2", "-host", "127.0.0.1", "-port", str(self._master_port)]
        other = Node(self, "runproxy", port, *server, "-secret", str(secret), stands_by=stands_by)
        self._servers.append(other)
        return other

    def _start(self, command: str, port: int, *arguments: str, web: bool, core: int) -> Node:
        node = Node(self, command, port, *arguments, web=web, core=core)
        self._servers.append(node)
        return node


def names(count: int) -> list[str]:
    """Return the names of the objects of a store, in the order of their DBIDs."""
    return [f"Skill {number:07}" for number in range(count)]


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "csproxy_site.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'csproxy.sqlite3'}",
        "CSPROXY_DATA": str(folder),
    }


def filled(objects: int, document: int) -> Path:
    """Return the folder of a filled SQLite database, which is made on first use."""
    digest = hashlib.blake2b(digest_size=6)
    for pattern in _SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    folder = _CACHE / f"{objects}x{document}-{digest.hexdigest()}"
    if not folder.exists():
        _CACHE.mkdir(exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{objects}-", dir=_CACHE))
        _fill(_environment(draft), objects, document, draft)
        draft.rename(folder)
    return folder


def _fill(environment: dict[str, str], objects: int, document: int, folder: Path) -> None:
    print(f"making a store of {objects:,} objects", end=" … ", file=sys.stderr, flush=True)
    begun = time.monotonic()
    _run(environment, [sys.executable, "manage.py", "migrate", "-v", "0"])
    path = folder / "store.json"
    call = f"filling.fill({objects}, {document}, Path({str(path)!r}))"
    _python(environment, f"from pathlib import Path; {call}")
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)


def _python(environment: dict[str, str], code: str) -> str:
    code = f"{_SETUP}from benchmarks import filling; {code}"
    return _run(environment, [sys.executable, "-c", code])


def _run(environment: dict[str, str], command: list[str]) -> str:
    done = subprocess.run(
        command, env=environment, cwd=ROOT, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout
