"""A file that is replaced is the old one or the new one, whatever happens on the way."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxyapp.runtime import files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.write_bytes(b"old")
    return made


def alone(path: Path) -> bytes:
    """Return what is in a file that has its folder for itself."""
    assert list(path.parent.iterdir()) == [path]
    return path.read_bytes()


def test_it_is_replaced_or_made_for_its_owner_alone(path: Path) -> None:
    for content in (b"new", b"", b"x" * 1_000_000):
        files.write(path, [content[:1], content[1:]])
        assert alone(path) == content
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.unlink()


def test_all_is_on_the_disk_before_it_takes_the_name_and_then_the_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_sync(number: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(number).st_mode) else os.fstat(number).st_size
        steps.append(f"sync {kind}")
        fsync(number)

    def note_replace(*paths: Any) -> None:
        steps.append("replace")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    files.write(path, [b"new"])
    assert steps == ["sync 3", "replace", "sync folder"]


def test_what_cannot_be_made_leaves_what_was_there(path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        files.write(path, parts())
    assert alone(path) == b"old"


@pytest.fixture
def full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_what_was_there(path: Path) -> None:
    with pytest.raises(OSError, match="too large"):
        files.write(path, [b"x" * 900, b"x" * 900])
    assert alone(path) == b"old"


def test_what_a_crash_has_left_is_in_nobodys_way(path: Path) -> None:
    left = path.with_name(f"{path.name}.{os.getpid()}.new")
    left.write_bytes(b"a longer half of something")
    left.chmod(0o644)
    files.write(path, [b"new"])
    assert alone(path) == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_processes_at_once_do_not_mix(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parts() -> Iterator[bytes]:
        yield b"one"
        with monkeypatch.context() as other:
            other.setattr(os, "getpid", lambda: 1)
            files.write(path, [b"the other"])
        assert path.read_bytes() == b"the other"
        yield b" and all of it"

    files.write(path, parts())
    assert alone(path) == b"one and all of it"
