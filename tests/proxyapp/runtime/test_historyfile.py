"""The file of a proxy's history: where it is, who may read it, and what becomes of a broken one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxyapp.runtime import historyfile
from tests.servers import ROOT

PROGRAM = """
import sys
from pathlib import Path
import django
django.setup()
from proxyapp.engine.commands import ConfigureHistory
from proxyapp.runtime import historyfile
path = historyfile.use(Path(sys.argv[1]))
historyfile.prepare(path, ConfigureHistory("", True, 1, 1))
from django.db import connection
print(*sorted(connection.introspection.table_names()))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / historyfile.NAME


def write(path: Path, text: str = "here") -> None:
    path.write_text(text)


def test_without_a_wish_the_file_is_in_the_data_folder(path: Path) -> None:
    write(path)
    historyfile.place(path, "")
    assert not path.is_symlink()
    assert path.read_text() == "here"


def test_what_was_kept_moves_along_with_its_unwritten_pages(path: Path, tmp_path: Path) -> None:
    write(path)
    write(Path(f"{path}-wal"), "pages")
    historyfile.place(path, str(tmp_path / "elsewhere/log"))
    target = tmp_path / "elsewhere/log.sqlite3"
    assert path.resolve() == target
    assert target.read_text() == "here"
    assert Path(f"{target}-wal").read_text() == "pages"
    historyfile.place(path, str(tmp_path / "third"))
    assert path.resolve() == tmp_path / "third.sqlite3"
    historyfile.place(path, "")
    assert not path.is_symlink()
    assert path.read_text() == "here"


def test_a_relative_wish_begins_in_the_data_folder(path: Path, tmp_path: Path) -> None:
    historyfile.place(path, "logs/site")
    assert path.resolve() == tmp_path / "logs/site.sqlite3"


def test_a_history_that_is_at_the_new_place_already_is_used(path: Path, tmp_path: Path) -> None:
    write(path, "mine")
    write(tmp_path / "other.sqlite3", "theirs")
    historyfile.place(path, "other")
    assert path.read_text() == "theirs"
    assert path.with_suffix(".before.sqlite3").read_text() == "mine"


def test_memory_is_forgotten_and_a_file_is_not(path: Path) -> None:
    historyfile.place(path, ":memory:")
    target = path.resolve()
    assert target.parent == Path("/dev/shm")
    write(target)
    historyfile.forget_memory(path)
    assert not target.exists()
    assert not path.is_symlink()
    write(path)
    historyfile.forget_memory(path)
    assert path.exists()


def test_a_place_that_cannot_be_used_is_an_error(path: Path, tmp_path: Path) -> None:
    write(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        historyfile.place(path, "file/history")


def test_only_the_history_is_made_in_it_and_only_its_owner_may_read_it(
    path: Path, tmp_path: Path, server_environment: dict[str, str]
) -> None:
    environment = {**server_environment, "DJANGO_SETTINGS_MODULE": "csproxy_site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=environment, cwd=ROOT, text=True, capture_output=True, check=True,
    )  # fmt: skip
    tables = done.stdout.split()
    assert {"historylog_entryrecord", "historylog_store"} <= set(tables)
    assert not [name for name in tables if name.startswith("proxyapp_")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_broken_file_is_set_aside_and_a_busy_one_is_not(path: Path) -> None:
    write(path, "no database")
    historyfile.set_aside_if_broken(path, "database is locked")
    assert path.exists()
    historyfile.set_aside_if_broken(path, "file is not a database")
    assert not path.exists()
    assert path.with_suffix(".broken.sqlite3").read_text() == "no database"
