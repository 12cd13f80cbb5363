"""How the commands of manage.py tell people at a terminal that something cannot be done."""

from __future__ import annotations

import pkgutil
from typing import Any

import pytest
from django.core.management import CommandError, load_command_class

from proxyapp.management import commands
from proxyapp.management.oneline import OneLineCommand, reason_of

SERVERS = {"runmaster", "runproxy", "runweb"}  # they have a command line and a log of their own
ARGUMENTS = {"setport": ["2020"], "importconfig": ["x"], "generateenv": ["--agents", "1"]}
NAMES = sorted({module.name for module in pkgutil.iter_modules(commands.__path__)} - SERVERS)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_is_one_line_and_the_exit_code(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = load_command_class("proxyapp", name)
    assert isinstance(command, OneLineCommand)

    def handle(*args: Any, **options: Any) -> None:
        raise CommandError("there is no x: make one", returncode=3)

    monkeypatch.setattr(command, "handle", handle)
    monkeypatch.setattr(command, "requires_migrations_checks", False)
    with pytest.raises(SystemExit) as ended:
        command.run_from_argv(["manage.py", name, *ARGUMENTS.get(name, [])])
    assert ended.value.code == 3
    assert capsys.readouterr().err == "manage.py: there is no x: make one\n"
    with pytest.raises(CommandError):
        command.run_from_argv(["manage.py", name, "--traceback", *ARGUMENTS.get(name, [])])


def test_a_file_that_cannot_be_read_is_told_without_numbers() -> None:
    assert reason_of(IsADirectoryError(21, "Is a directory", "x")) == "is a directory"
    assert reason_of(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x")) == "it is not text in UTF-8"
