"""What is done before a server serves, and what each refusal says."""

from __future__ import annotations

import os
import resource
import socket
import stat
from pathlib import Path

import pytest

from proxyapp.runtime.bootstrap import (
    StartError,
    data_folder,
    notify_service_manager,
    process_lock,
    raise_descriptor_limit,
    read_secret,
)


def test_the_descriptor_limit_is_as_high_as_allowed() -> None:
    limit = raise_descriptor_limit()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limit == soft
    assert soft == hard or soft >= 65536


@pytest.mark.parametrize("application", ["site 1", "Дом", "..", "a/b"])
def test_each_application_has_a_private_folder_below_the_root(
    tmp_path: Path, application: str
) -> None:
    folder = data_folder(tmp_path, application)
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="set CSPROXY_DATA"):
        data_folder(tmp_path / "file", "x")


def test_two_servers_of_one_application_cannot_run(tmp_path: Path) -> None:
    lock = process_lock(tmp_path, "site-1")
    with pytest.raises(StartError, match=rf"'site-1' runs .* \(process {os.getpid()}\)"):
        process_lock(tmp_path, "site-1")
    lock.release()
    process_lock(tmp_path, "site-1").release()


def test_a_secret_comes_from_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    assert read_secret(str(file), "other") == "s3cret"


def test_without_a_file_the_secret_comes_from_the_environment() -> None:
    assert read_secret("", "from there") == "from there"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret")
    file.chmod(mode)
    with pytest.raises(StartError, match=f"run chmod 600 {file}") as refused:
        read_secret(str(file), "")
    assert "s3cret" not in str(refused.value)


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with pytest.raises(StartError, match="No such file"):
        read_secret(str(file), "")
    file.touch(mode=0o600)
    with pytest.raises(StartError, match="is empty"):
        read_secret(str(file), "")


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify_service_manager("READY=1")
        assert manager.recv(100) == b"READY=1"
