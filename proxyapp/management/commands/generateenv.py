"""`manage.py generateenv`: a made-up contact centre to try things with, as large as one likes."""

from __future__ import annotations

import secrets
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from confwire.errors import InvalidParameter
from confwire.handshake import make_verifier
from proxyapp.management.database import explained_database_errors
from proxyapp.management.oneline import OneLineCommand, reason_of
from proxyapp.services.generator.generating import AlreadyGenerated, Progress, generate


class Command(OneLineCommand):
    """Make tenants, sites, switches, agents, servers, groups and their rights from a seed."""

    help = (
        "Makes a realistic contact centre: tenants, sites, switches, agents with logins and"
        " skills, servers, groups and their rights. The same numbers make the same objects."
        " A seed can be used once in a database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the size and the seed."""
        parser.add_argument("--agents", type=int, required=True, metavar="N")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="default %(default)s")
        parser.add_argument(
            "--tenants", type=int, default=0, metavar="K",
            help="companies that share the agents; by default one for each 2,500 agents, at most 8",
        )  # fmt: skip
        parser.add_argument(
            "--password-file", type=Path, metavar="FILE",
            help="let all these persons log in with the password in the file's first line. It is"
            " derived once, with one salt for all, so it is for made-up people only; by default"
            " they have no password",
        )  # fmt: skip

    def handle(
        self,
        *args: Any,
        agents: int,
        seed: int,
        tenants: int = 0,
        password_file: Path | None = None,
        **options: Any,
    ) -> None:
        """Make it, showing how far it is."""
        if agents < 1 or seed < 0 or not 0 <= tenants <= agents:
            raise CommandError("at least one agent, as many as tenants, and no negative seed")
        verifier = _verifier(password_file) if password_file is not None else ""
        begun = time.monotonic()
        try:
            run = generate(agents, seed, tenants=tenants, verifier=verifier)
            with explained_database_errors():
                last = self._follow(agents, run)
        except AlreadyGenerated as error:
            raise CommandError(
                f"{error}: choose another --seed, or begin with an empty database"
            ) from error
        self.stdout.write(
            f"Completed. {last.objects:,} objects, {last.agents:,} agents among them, in"
            f" {time.monotonic() - begun:.0f} s."
        )

    def _follow(self, agents: int, run: Iterator[Progress]) -> Progress:
        console = Console(file=sys.stderr)
        last = Progress("", 0, 0)
        if not console.is_terminal:
            for last in run:
                self.stdout.write(
                    f"{last.agents:,} of {agents:,} agents, {last.objects:,} objects: {last.words}"
                )
            return last
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("agents, {task.fields[objects]:,} objects"), TimeRemainingColumn(),
        )  # fmt: skip
        with Bar(*columns, console=console) as bar:
            task = bar.add_task("…", total=agents, objects=0)
            for last in run:
                bar.update(
                    task, completed=last.agents, objects=last.objects, description=last.words
                )
        return last


def _verifier(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        return make_verifier(password, secrets.token_bytes(16), settings.SCRAM_ITERATIONS)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {reason_of(error)}") from error
    except InvalidParameter as error:
        raise CommandError(f"{path}: {error}") from error
