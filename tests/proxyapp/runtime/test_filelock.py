from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxyapp.runtime.filelock import FileLock, Held


def test_one_has_it_and_is_named_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FileLock(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Held) as refused:
        FileLock(path)
    assert refused.value.holder == str(os.getpid())
    lock.release()
    assert path.read_text() == ""
    FileLock(path).release()


def test_what_a_dead_process_left_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("123456 and more than this\n")
    lock = FileLock(path)
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_file_that_cannot_be_opened_is_no_lock_of_another(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        FileLock(tmp_path / "nowhere" / "lock")
