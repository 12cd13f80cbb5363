"""Logs go to their files, rotate by level, and never show a secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from proxyapp.runtime.logs import LEVELS, Logs, hide_secrets, set_verbosity


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Give the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configuration = structlog.get_config()
    quiet = {
        name: logging.getLogger(name).level
        for name in ("asyncio", "daphne", "django.request", "django.server", "picows", "twisted")
    }
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**configuration)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


def test_records_reach_the_files_of_their_level(own_logging: None, tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs" / "app.log", {"debug": str(tmp_path / "boot.log")})
    logs.start("debug")
    log = structlog.stdlib.get_logger("proxyapp.test")
    log.info("it started", application="Дом", password="p4ss")
    logging.getLogger("proxyapp.other").warning("from %s", "elsewhere")
    log.debug("a detail")
    logs.stop()
    text = (tmp_path / "logs" / "app.log").read_text()
    assert 'event="it started" application=Дом' in text
    assert 'event="from elsewhere"' in text
    assert "p4ss" not in text
    assert "a detail" in (tmp_path / "boot.log").read_text()


def test_a_traceback_is_logged_whole(own_logging: None, tmp_path: Path) -> None:
    logs = Logs(tmp_path / "app.log")
    logs.start()
    try:
        raise KeyError("the bug")
    except KeyError:
        structlog.stdlib.get_logger("proxyapp.test").exception("it failed")
    logs.stop()
    text = (tmp_path / "app.log").read_text()
    assert "the bug" in text
    assert "test_logs.py" in text


def test_a_traceback_of_others_is_logged_whole_in_its_line(
    own_logging: None, tmp_path: Path
) -> None:
    logs = Logs(tmp_path / "app.log")
    logs.start()
    try:
        raise KeyError("the\nbug")
    except KeyError:
        logging.getLogger("proxyapp.other").exception("it failed")
    logs.stop()
    (line,) = (tmp_path / "app.log").read_text().splitlines()
    assert "Traceback (most recent call last)" in line
    assert "the\\\\nbug" in line
    assert "test_logs.py" in line
    assert "traceback object at" not in line


def test_the_level_can_change_while_running(own_logging: None, tmp_path: Path) -> None:
    logs = Logs(tmp_path / "app.log")
    logs.start("none")
    log = structlog.stdlib.get_logger("proxyapp.test")
    log.error("unheard")
    set_verbosity("standard")
    log.info("heard")
    set_verbosity("no such level")
    log.info("heard too")
    logs.stop()
    text = (tmp_path / "app.log").read_text()
    assert "unheard" not in text
    assert text.count("heard") == 2


def test_the_log_folder_is_private(own_logging: None, tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs" / "app.log")
    logs.start()
    logs.stop()
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0


def test_secrets_are_hidden_by_their_names() -> None:
    event = hide_secrets(None, "info", {"event": "x", "secret": "s", "verifier": "v", "user": "u"})
    assert event == {"event": "x", "secret": "(hidden)", "verifier": "(hidden)", "user": "u"}


def test_many_lines_stay_in_their_order_and_each_goes_only_where_it_belongs(
    own_logging: None, tmp_path: Path
) -> None:
    logs = Logs(tmp_path / "all.log", {"standard": str(tmp_path / "standard.log")})
    logs.start("debug")
    log = structlog.stdlib.get_logger("proxyapp.test")
    for number in range(500):
        log.info("told", number=number)
        log.debug("a detail", number=number)
    logs.stop()
    lines = (tmp_path / "all.log").read_text().splitlines()
    numbers = [int(line.partition("number=")[2].partition(" ")[0]) for line in lines]
    assert numbers == [number for number in range(500) for _ in ("info", "debug")]
    assert "a detail" not in (tmp_path / "standard.log").read_text()
    assert len((tmp_path / "standard.log").read_text().splitlines()) == 500


def test_a_full_disk_is_told_once_and_when_it_is_over(
    own_logging: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    full, other = tmp_path / "full.log", tmp_path / "other.log"
    full.symlink_to("/dev/full")
    logs = Logs(None, {"standard": str(full), "all": str(other)})
    logs.start()
    log = structlog.stdlib.get_logger("proxyapp.test")

    def write(line: str) -> None:
        log.info(line)
        deadline = time.monotonic() + 10
        while line not in other.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    for number in range(3):
        write(f"line {number}")
    (handler,) = (item for item in logs._handlers if item.level == LEVELS["standard"])
    assert isinstance(handler, logging.FileHandler)
    room = tmp_path / "room.log"
    with suppress(OSError):
        handler.stream.close()
    handler.stream = room.open("w")
    for number in range(3, 6):
        write(f"line {number}")
    logs.stop()
    text = other.read_text()
    assert text.count('event="log file cannot be written"') == 1
    assert text.count('event="log file works again"') == 1
    assert "No space left on device" in text
    assert "line 5" in room.read_text()
    errors = capfd.readouterr().err
    assert "Traceback" not in errors
    assert errors.count("line 1") == 1
