"""`manage.py setport`: the number of a listening port, also where no master runs to change it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from confwire.errors import RequestError
from proxyapp.management.database import explained_database_errors
from proxyapp.management.oneline import OneLineCommand
from proxyapp.models import Application
from proxyapp.services import documents, objects


class Command(OneLineCommand):
    """Give a listening port of an application another number, or the application a new port."""

    help = (
        "Gives a listening port of a server another number. Before the first start of a master"
        " whose port 2020 is taken; a server that runs changes over at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the number, and which port it is for."""
        parser.add_argument("number", metavar="PORT", help="the number that it is to have")
        parser.add_argument(
            "-app", metavar="NAME", default="confserv", help="the Application object (%(default)s)"
        )
        parser.add_argument(
            "-id",
            metavar="ID",
            default="default",
            dest="port_id",
            help="which of its ports (%(default)s)",
        )

    def handle(self, *args: Any, number: str, app: str, port_id: str, **options: Any) -> None:
        """Change it, by the rules that bind the administration."""
        with explained_database_errors():
            application = Application.objects.filter(name=app).first()
            if application is None:
                raise CommandError(f"there is no application '{app}': check the name")
            ports = documents.document_of(application).get("portInfos", [])
            port = next((port for port in ports if port["id"] == port_id), {"id": port_id})
            delta = {"portInfos": {"put": [port | {"port": number}]}}
            try:
                objects.update("application", application.pk, delta, by=None, origin="setport")
            except RequestError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{app} listens on port {number} ({port_id}).")
