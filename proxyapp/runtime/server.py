"""A server process: the node, its ports, the status port and the web process, on one loop.

Puts the parts together, starts them in order and ends them in order. What they do is theirs.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import signal
import sys
import uuid
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from channels.routing import get_default_application
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from confwire.messages import RELEASE
from historylog import audit
from proxyapp.engine.events import DrainAsked
from proxyapp.engine.node import Node
from proxyapp.engine.serving import NodeSettings
from proxyapp.runtime import (
    bootstrap,
    candidacy,
    collector,
    election,
    historyfile,
    logs,
    present,
    webserver,
)
from proxyapp.runtime.accounts import AccountKeeper, InDatabase, InFile
from proxyapp.runtime.arguments import Arguments, UsageError, link_parameters, parse, usage
from proxyapp.runtime.authority import Authority
from proxyapp.runtime.historian import Historian
from proxyapp.runtime.hugepages import HugePages
from proxyapp.runtime.links import Link
from proxyapp.runtime.localcopy import LocalCopy
from proxyapp.runtime.pruning import Pruning
from proxyapp.runtime.tasks import spawn
from proxyapp.runtime.terms import TermFile
from proxyapp.runtime.web import WebProcess
from proxyapp.runtime.worker import Worker
from proxyapp.services import leadership, recording

log = structlog.get_logger(__name__)

CLIENTS_LIMIT = 2.0
"""Seconds that clients have to take their CLOSE when the server stops."""
STOP_LIMIT = 8.0
"""Seconds for everything together; then the process ends as it is."""
EXIT_USAGE = 2
THREAD_TURN = 0.0005
"""Seconds after which a thread beside the loop must let it go on: by default it may hold it up
for ten times as long, which every reader would feel."""


def main(role: Any, words: list[str]) -> int:
    """Run a server from its command line; return the exit code."""
    try:
        arguments = parse(role, words)
    except UsageError as error:
        print(f"run{role}: {error}\n\n{usage(role)}", file=sys.stderr)
        return EXIT_USAGE
    if arguments.show_version:
        print(f"csproxy {RELEASE}")
        return 0
    if arguments.show_help:
        print(usage(role))
        return 0
    try:
        if arguments.audit_file:
            return _dump_audit(arguments)
        return _run(arguments)
    except bootstrap.StartError as error:
        print(f"run{role}: {error}", file=sys.stderr)
        return 1


def _dump_audit(arguments: Arguments) -> int:
    """Write the changes of the history to a file that only its owner may read."""
    days = arguments.audit_days
    since = timezone.now() - timedelta(days=days) if days else None
    path = Path(arguments.audit_file)
    try:
        with open(path, "w", encoding="utf-8", errors="replace", opener=_for_the_owner) as file:
            count = audit.write(file, since)
    except OSError as error:
        raise bootstrap.StartError(f"cannot write {path}: {error.strerror}") from error
    except DatabaseError as error:
        raise bootstrap.StartError(f"cannot read the history: {error}") from error
    print(f"{count} changes were written to {path}")
    return 0


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _run(arguments: Arguments) -> int:
    folder = bootstrap.data_folder(settings.DATA_ROOT, arguments.application)
    lock = bootstrap.process_lock(folder, arguments.application)
    secret = bootstrap.read_secret(arguments.secret_file, os.environ.pop("CSPROXY_SECRET", ""))
    if arguments.role == "proxy" and not secret:
        raise bootstrap.StartError(
            "a proxy needs the secret of its application: give -secret FILE or CSPROXY_SECRET "
            "(the administration makes one, on the page of the application)"
        )
    descriptors = bootstrap.raise_descriptor_limit()
    try:
        log_file = folder / "logs" / f"{folder.name}.log"
        handlers = logs.Logs(log_file, arguments.log_files)
    except OSError as error:
        raise bootstrap.StartError(f"cannot write the log: {error}") from error
    handlers.start(arguments.verbose)
    try:
        log.info(
            "server starts",
            application=arguments.application,
            role=arguments.role,
            release=RELEASE,
            process=os.getpid(),
            descriptors=descriptors,
            folder=str(folder),
        )
        if arguments.ignored:
            log.warning("parameters without effect", parameters=" ".join(arguments.ignored))
        recording.serve_as(arguments.application)
        if arguments.role == "master":
            election.bound_transactions(election.LEASE)
            candidacy.check(arguments.application)
        history_file = historyfile.use(folder) if arguments.role == "proxy" else None
        return Server(arguments, secret, folder, history_file).run()
    finally:
        handlers.stop()
        lock.release()


class Server:
    """One server process."""

    def __init__(
        self, arguments: Arguments, secret: str, folder: Path, history_file: Path | None
    ) -> None:
        """Take the status and web ports.

        Args:
            folder: the data folder.
            history_file: where a proxy keeps its history log; None at a master.

        Raises:
            StartError: one of them is taken.
        """
        self._arguments = arguments
        self._secret = secret
        self._folder = folder
        self._history_file = history_file
        self._instance = uuid.uuid4().hex
        """Names this process among the masters of one database."""
        status_port = arguments.status_port or arguments.web_port + 1
        self._status = webserver.bind_http(arguments.address, status_port, "status-port")
        self._web_socket = (
            webserver.bind_http(arguments.address, arguments.web_port, "web-port")
            if arguments.web
            else None
        )
        self._election = (
            election.stand(
                arguments.application,
                self._instance,
                arguments.web_port if arguments.web else 0,
                folder,
            )
            if arguments.role == "master"
            else None
        )
        self._terms = TermFile(folder / "pair-term")
        self._loop = webserver.install_loop()
        self._loop.set_exception_handler(self._crashed)
        self._huge_pages = HugePages()
        self._worker: Worker
        self._authority: Authority | None = None
        self._accounts: AccountKeeper
        self._historian: Historian
        self._pruning: Pruning
        self._copy: LocalCopy | None = None
        self._web: WebProcess | None = None
        self._stopping = False
        self._exit_code = 0

    def run(self) -> int:
        """Serve until a signal or a failure; return the exit code."""
        application = get_default_application()
        status_port = self._status.getsockname()[1]

        def ready() -> None:
            self._loop.call_soon(self._start, status_port)

        webserver.serve(application, self._status, ready)
        return self._exit_code

    # ------------------------------------------------------------ start

    def _start(self, status_port: int) -> None:
        collector.keep_short()
        sys.setswitchinterval(THREAD_TURN)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._drain_by_signal, number.name)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload_certificates)
        arguments = self._arguments
        self._worker = worker = Worker(
            self._node(),
            halt=self._halt,
            set_verbosity=self._set_verbosity,
            loaded=self._loaded,
            end=self._begin_stop,
            address=arguments.address,
        )
        present.put(worker)
        worker.terms = self._terms
        self._keep_history()
        on_disk = self._folder / "accounts.json"
        keeper = InDatabase() if arguments.role == "master" else InFile(on_disk)
        worker.accounts = self._accounts = AccountKeeper(worker.tell, keeper)
        self._accounts.start()
        if arguments.role == "master":
            self._authority = worker.database = Authority(worker.tell, self._halt)
            self._authority.start()
            assert self._election is not None
            self._election.start(self._authority.announce, worker.tell, self._halt, self._move)
        else:
            worker.links = {
                name: Link(worker.tell, self._secret, worker.slices, name)
                for name in ("master", "peer")
            }
            worker.copy = self._copy = LocalCopy(
                worker.tell, self._folder / "copy", arguments.application, self._secret
            )
        worker.start()
        self._huge_pages.start()
        if self._web_socket is not None:
            self._web = WebProcess(
                arguments.role,
                arguments.application,
                self._web_socket,
                status_port,
                self._instance,
            )
            self._web.start()

    def _keep_history(self) -> None:
        file, worker = self._history_file, self._worker
        if file is None:
            self._historian = Historian(worker.tell, held=True)
            self._pruning = Pruning(may=leadership.leads)
        else:
            historyfile.forget_memory(file)
            prepare = functools.partial(historyfile.prepare, file)
            self._historian = Historian(worker.tell, prepare, forwards=True)
            self._pruning = Pruning(self._historian.prune)
        worker.history, worker.pruning = self._historian, self._pruning
        self._historian.start()
        self._pruning.start()

    def _move(self) -> None:
        """Let each connection go to the server that the database is on now."""
        assert self._authority is not None
        self._authority.move()
        self._historian.move()
        self._accounts.move()
        if self._web is not None:
            self._web.move()

    def _node(self) -> Node:
        arguments = self._arguments
        # Not random: a restart must not change what strangers are shown.
        fake_salt_key = hashlib.blake2b(settings.SECRET_KEY.encode(), person=b"fake salts").digest()
        node_settings = NodeSettings(
            application=arguments.application,
            release=RELEASE,
            master_host=arguments.master_host,
            master_port=arguments.master_port,
            backup_host=arguments.backup_host,
            backup_port=arguments.backup_port,
            fake_salt_key=fake_salt_key,
            scram_iterations=settings.SCRAM_ITERATIONS,
            token_secret=settings.SECRET_KEY.encode() if arguments.role == "master" else b"",
            former_secrets=(
                tuple(settings.SECRET_KEY_FALLBACKS) if arguments.role == "master" else ()
            ),
            local_copy=arguments.role == "proxy",
            link_parameters=link_parameters(arguments),
            insecure_link=arguments.insecure_link,
            pair_term=self._terms.read(),
            run=uuid.uuid4().hex,
            elects=arguments.role == "master",
        )
        if arguments.role == "master":
            return Node.for_master(node_settings)
        return Node.for_proxy(node_settings)

    def _set_verbosity(self, verbosity: str) -> None:
        # The command line is for finding faults at the start: it wins.
        logs.set_verbosity(self._arguments.verbose or verbosity)

    def _loaded(self) -> None:
        """The first data is there."""
        bootstrap.notify_service_manager("READY=1")

    def _reload_certificates(self) -> None:
        log.info("certificates are looked at", reason="signal SIGHUP")
        self._worker.certificates.look()

    # ------------------------------------------------------------ end

    def _drain_by_signal(self, name: str) -> None:
        """Send the clients away, then end; at the second signal at once."""
        log.info("server drains", reason=f"signal {name}")
        bootstrap.notify_service_manager("STOPPING=1")
        self._worker.tell(DrainAsked(f"signal {name}"))

    def _halt(self, reason: str) -> None:
        """End the process because it cannot go on."""
        if not self._stopping:
            log.critical("the server cannot go on", reason=reason)
            self._exit_code = 1
        self._begin_stop(reason)

    def _begin_stop(self, reason: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        log.info("server stops", reason=reason)
        bootstrap.notify_service_manager("STOPPING=1")
        self._loop.call_later(STOP_LIMIT, self._give_up)
        spawn("stop", self._stop(), lambda error: self._give_up())

    async def _stop(self) -> None:
        self._huge_pages.stop()
        self._worker.stop("the server stops")
        ends: list[Coroutine[Any, Any, None]] = [self._end_sessions(), self._pruning.stop()]
        if self._web is not None:
            ends.append(self._web.stop())
        if self._authority is not None:
            ends.append(self._authority.stop())
        if self._copy is not None:
            ends.append(self._copy.stop())
        await asyncio.gather(*ends)
        if self._election is not None:
            await self._election.stop()  # after all writers: now another master may lead
        if self._history_file is not None:
            historyfile.forget_memory(self._history_file)
        log.info("server stopped")
        webserver.stop()

    async def _end_sessions(self) -> None:
        """Let the clients go, and keep that they have gone."""
        await self._worker.wait_for_clients(CLIENTS_LIMIT)
        await self._historian.stop()
        await self._accounts.stop()

    def _give_up(self) -> None:
        log.error("the server did not stop in time", seconds=STOP_LIMIT)
        self._exit_code = self._exit_code or 1
        self._loop.stop()

    def _crashed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something failed in the loop. A callback of ours that failed leaves a broken server."""
        error = context.get("exception")
        log.error("the event loop reports", message=context.get("message"), exc_info=error)
        if error is not None and "handle" in context:
            self._halt(f"a callback failed: {error!r}")
