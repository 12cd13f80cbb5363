"""What a server makes of its environment: defaults, files, and errors that name the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from csproxy_site.environment import Environment, kept_key


def test_without_a_value_the_default_counts() -> None:
    env = Environment({"EMPTY": " "})
    assert env.text("EMPTY", "a") == env.text("NONE", "a") == "a"
    assert env.words("EMPTY", ["b"]) == ["b"]
    assert env.number("EMPTY", 4) == 4
    assert env.flag("EMPTY") is False


def test_values_are_read() -> None:
    env = Environment(
        {"HOSTS": "a.example, b.example,", "ROUNDS": "5000", "ON": "True", "OFF": "0"}
    )
    assert env.words("HOSTS", []) == ["a.example", "b.example"]
    assert env.number("ROUNDS", 1) == 5000
    assert env.flag("ON") is True
    assert env.flag("OFF") is False


def test_a_value_in_a_file_counts_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret key\n")
    env = Environment({"KEY_FILE": str(tmp_path / "key"), "KEY": "other"})
    assert env.text("KEY", "") == "secret key"


def test_the_database_is_a_file_of_the_data_folder_unless_a_url_says_otherwise() -> None:
    default = Path("/data/db.sqlite3")
    assert Environment({}).database("URL", default)["NAME"] == "/data/db.sqlite3"
    assert Environment({"URL": ""}).database("URL", default)["NAME"] == "/data/db.sqlite3"
    found = Environment({"URL": "postgres://me:p%23w@db.example/conf"}).database("URL", default)
    assert (found["HOST"], found["NAME"], found["PASSWORD"]) == ("db.example", "conf", "p#w")


def test_a_folder_is_made(tmp_path: Path) -> None:
    env = Environment({"DATA": str(tmp_path / "a/b")})
    assert env.folder("DATA", tmp_path).is_dir()


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda env, _: env.flag("X"), "X must be true or false, not 'ture'"),
        (lambda env, _: env.number("X", 1), "X must be a number, not 'ture'"),
        (
            lambda env, folder: env.database("X", folder),
            "X must begin with sqlite:/// or postgres://",
        ),
        (lambda env, folder: env.database("MYSQL", folder), "MYSQL must begin with sqlite:///"),
        (lambda env, folder: env.database("PORT", folder), "PORT is no URL: Port could not be"),
        (lambda env, _: env.text("KEY", ""), "KEY_FILE: cannot read /nowhere/key: No such file"),
        (
            lambda env, folder: env.folder("FILE", folder),
            "cannot make the data folder /dev/null: File exists; give this account",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_the_remedy(
    read: Callable[[Environment, Path], Any], said: str, tmp_path: Path
) -> None:
    env = Environment(
        {
            "X": "ture",
            "MYSQL": "mysql://localhost/csproxy",
            "PORT": "postgres://a:b@host:port/db",
            "KEY_FILE": "/nowhere/key",
            "FILE": "/dev/null",
        }
    )
    with pytest.raises(ImproperlyConfigured) as raised:
        read(env, tmp_path)
    assert str(raised.value).startswith(said)


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    key = kept_key(path)
    assert len(key) > 50
    assert kept_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_empty_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(ImproperlyConfigured, match="is empty: remove it"):
        kept_key(tmp_path / "secret_key")


def test_a_key_that_cannot_be_made_or_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="cannot write to the data folder /nowhere"):
        kept_key(Path("/nowhere/secret_key"))
    (tmp_path / "secret_key").mkdir()
    with pytest.raises(ImproperlyConfigured, match="run this as the account that owns the file"):
        kept_key(tmp_path / "secret_key")
