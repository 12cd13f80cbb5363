"""Databases that sites of real servers begin with: made once in a run, and copied for each site.

To migrate a database takes longer than most tests of what is done with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

Environment = dict[str, str]
Fill = Callable[[Environment, int, int], str]
"""Makes the tables and the servers in an empty database; returns the secret of the proxy."""
FreePort = Callable[[], int]


@dataclass
class Beginning:
    """A filled database, and the ports that its master and its proxy listen on."""

    settings: Environment
    url: str
    master_port: int
    proxy_port: int
    secret: str
    is_taken: bool = True

    def can_be_taken(self, environment: Environment) -> bool:
        """Whether a site with this environment may begin with it now."""
        suits = not self.is_taken and self.settings == _settings(environment)
        return suits and _are_free(self.master_port, self.proxy_port)


_made: list[Beginning] = []


def begin(environment: Environment, fill: Fill, free_port: FreePort) -> Beginning:
    """Fill the database of an environment; whoever has ended its site gives the beginning back."""
    url = environment["DATABASE_URL"]
    if not _can_be_copied(url):
        ports = free_port(), free_port()
        return Beginning(_settings(environment), url, *ports, fill(environment, *ports))
    for known in _made:
        if known.can_be_taken(environment):
            known.is_taken = True
            break
    else:
        known = _make(environment, fill, free_port)
    _copy(known.url, url)
    return known


def remove_all() -> None:
    """Remove what was made, at the end of the run."""
    for made in _made:
        if not _is_file(made.url):
            _on_server(made.url, "DROP DATABASE {} WITH (FORCE)")
    _made.clear()


def _settings(environment: Environment) -> Environment:
    """Return what a database depends on: how it is encrypted, and where it is."""
    own = {"CSPROXY_DATA"}
    found = {k: v for k, v in environment.items() if k.startswith("CSPROXY_") and k not in own}
    return found | {"scheme": urlsplit(environment["DATABASE_URL"]).scheme}


def _can_be_copied(url: str) -> bool:
    """Whether it is a file, or on the server of this run and not on one of the test's own."""
    given = urlsplit(os.environ["DATABASE_URL"])
    return _is_file(url) or urlsplit(url).netloc == given.netloc


def _is_file(url: str) -> bool:
    return url.startswith("sqlite")


def _make(environment: Environment, fill: Fill, free_port: FreePort) -> Beginning:
    name = f"csproxy_begin_{uuid.uuid4().hex}"
    folder = Path(os.environ["CSPROXY_DATA"]) / name
    folder.mkdir()
    url = environment["DATABASE_URL"]
    if _is_file(url):
        url = f"sqlite:///{folder / 'begin.sqlite3'}"
    else:
        url = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        _on_server(url, "CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0")
    ports = free_port(), free_port()
    given = {**environment, "DATABASE_URL": url, "CSPROXY_DATA": str(folder)}
    made = Beginning(_settings(environment), url, *ports, fill(given, *ports))
    _made.append(made)
    return made


def _copy(source: str, target: str) -> None:
    """Make one database a copy of another one that nobody uses."""
    if not _is_file(source):
        _on_server(target, "DROP DATABASE IF EXISTS {} WITH (FORCE)")
        _on_server(target, f"CREATE DATABASE {{}} TEMPLATE {urlsplit(source).path[1:]}")
        return
    with closing(sqlite3.connect(urlsplit(source).path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(urlsplit(source).path, urlsplit(target).path)


def _on_server(url: str, statement: str) -> None:
    """Run a statement on the database of a URL, connected to another one."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement.format(urlsplit(url).path[1:]).encode())


def _are_free(*ports: int) -> bool:
    try:
        for port in ports:
            socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
