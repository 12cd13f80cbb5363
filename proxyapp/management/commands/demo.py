"""`manage.py demo`: a made-up contact centre, a master, a proxy, and what to try with them.

Prepares what is missing, starts both servers as child processes, and stops them with itself. All
it makes lies in the data folder, so that the next run goes on with the same environment.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from proxyapp.management.children import Child, is_taken
from proxyapp.management.oneline import OneLineCommand
from proxyapp.models import Application, ApplicationTemplate, Host, Person, Port
from proxyapp.services import changes
from proxyapp.services.accounts import make_secret
from proxyapp.services.provisioning import application_from, place
from proxyapp.services.seed import CONFSERV, DEFAULT_PERSON

PROXY = "demo_proxy"
PORTS = {"master": 2020, "proxy": 2120, "master-web": 8080, "proxy-web": 8090}

_GUIDE = """
The demo runs: a master, and behind it a proxy that keeps everything in memory.

  Open        http://127.0.0.1:{ports[master-web]}/admin/
  Log in as   default
  Password    {password}

  In another terminal, here, watch what the proxy tells its clients:

    {confctl} watch -host 127.0.0.1 -port {ports[proxy]} -app default -user default \\
        -password-file {password_file} application

  Then open an application in the browser, change one of its options and save: the watch prints
  it. Kill the master (kill -9 {master}) and the proxy goes on serving. Start it again:

    {python} manage.py runmaster -web-port {ports[master-web]}

  Status      http://127.0.0.1:{ports[master-web]}/status   http://127.0.0.1:{ports[proxy-web]}/status
  Logs        {folder}/master.log   {folder}/proxy.log

Ctrl-C stops both.
"""


class Command(OneLineCommand):
    """Prepare an environment, run a master and a proxy, and say what to try."""

    help = "Loads a made-up environment, runs a master and a proxy, and says what to try."
    requires_system_checks = ()  # nothing to check before there is a database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the size of the environment, and ports."""
        parser.add_argument(
            "--agents", type=int, default=200, help="agents of a new environment (%(default)s)"
        )
        for name, number in PORTS.items():
            parser.add_argument(f"--{name}-port", type=int, default=number, help="%(default)s")

    def handle(self, *args: Any, agents: int, **options: Any) -> None:
        """Run until Ctrl-C, or until the proxy ends."""
        ports = {name: options[f"{name}_port".replace("-", "_")] for name in PORTS}
        for name, number in ports.items():
            if is_taken(number):
                raise CommandError(
                    f"port {number} is taken: choose another by --{name}-port PORT"
                    f' (make demo DEMO_ARGS="--{name}-port PORT")'
                )
        folder: Path = settings.DATA_ROOT / "demo"
        folder.mkdir(mode=0o700, exist_ok=True)
        # Both, since a shell's background jobs inherit an ignored SIGINT.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            _prepare_environment(agents)
            _prepare_servers(folder, ports)
            self._run(folder, ports)
        except KeyboardInterrupt:
            self.stdout.write("\nThe demo was stopped; it goes on with the same data.")

    def _run(self, folder: Path, ports: dict[str, int]) -> None:
        master = Child(
            "master", folder / "master.log", "runmaster", "-web-port", str(ports["master-web"])
        )
        proxy = Child(
            "proxy", folder / "proxy.log", "runproxy", "-app", PROXY, "-host", "127.0.0.1",
            "-port", str(ports["master"]), "-secret", str(folder / "proxy.secret"),
            "-web-port", str(ports["proxy-web"]),
        )  # fmt: skip
        with master.running(), proxy.running():
            master.await_ready(ports["master"], ports["master-web"])
            proxy.await_ready(ports["proxy"], ports["proxy-web"])
            self.stdout.write(_guide(folder, ports, master.process.pid))
            self.stdout.flush()
            proxy.process.wait()
            raise proxy.ended()


def _guide(folder: Path, ports: dict[str, int], master: int) -> str:
    return _GUIDE.format(
        ports=ports,
        password=(folder / "password").read_text().strip(),
        password_file=_short(folder / "password"),
        confctl=_short(Path(sys.executable).with_name("confctl")),
        python=_short(Path(sys.executable)),
        master=master,
        folder=_short(folder),
    )


def _prepare_environment(agents: int) -> None:
    call_command("migrate", verbosity=0)
    if not Person.objects.exclude(pk=DEFAULT_PERSON).exists():
        call_command("generateenv", agents=agents, seed=1)


def _prepare_servers(folder: Path, ports: dict[str, int]) -> None:
    """Make the administrator's password, the proxy and its secret, unless they are there."""
    password, secret = folder / "password", folder / "proxy.secret"
    if not password.exists():
        _write_private(password, secrets.token_urlsafe(9))
    # Not without need: a new verifier would end the browser's session at every start.
    if not Person.objects.get(pk=DEFAULT_PERSON).check_password(password.read_text().strip()):
        call_command("resetadmin", password_file=password)
    proxy = Application.objects.filter(name=PROXY).first() or _make_proxy()
    _set_port(Application.objects.get(pk=CONFSERV), ports["master"])
    _set_port(proxy, ports["proxy"])
    if not secret.exists() or not proxy.credentials.exists():
        _write_private(secret, make_secret(proxy, by=None, origin="demo"))


def _make_proxy() -> Application:
    proxy = application_from(ApplicationTemplate.objects.get(name="Configuration Server Proxy"))
    proxy.name = PROXY
    proxy.host = Host.objects.get(name="configserver")
    proxy.work_directory = proxy.command_line = "."
    with changes.commit(by=None, origin="demo") as work:
        place(proxy)
        work.save(proxy)
    return proxy


def _set_port(application: Application, number: int) -> None:
    port = application.ports.filter(port_id="default").first() or Port(application=application)
    port.port = str(number)
    with changes.commit(by=None, origin="demo") as work:
        work.save(port)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")


def _short(path: Path) -> str:
    """Return a path as one types it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
