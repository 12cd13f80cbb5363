"""Where a password comes from, and that it is not left lying about."""

from __future__ import annotations

import getpass
from argparse import Namespace

import pytest

from confwire.cli.accounts import Failure, password_of, secret_of


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("s3cret\nmore\n")
    path.chmod(0o600)
    return path


def test_the_first_line_of_a_file_is_the_secret(secret):
    assert secret_of(str(secret)) == "s3cret"
    secret.write_bytes(b" a b \r\n")
    assert secret_of(str(secret)) == " a b "


def test_a_file_that_others_can_read_is_refused(secret):
    secret.chmod(0o640)
    with pytest.raises(Failure, match="can be read by others: run `chmod 600"):
        secret_of(str(secret))


@pytest.mark.parametrize(
    ("content", "text"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8 text")]
)
def test_a_file_without_a_secret_is_refused(secret, content, text):
    secret.write_bytes(content)
    with pytest.raises(Failure, match=text):
        secret_of(str(secret))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Failure, match=r"cannot read .*nothing: no such file"):
        secret_of(str(tmp_path / "nothing"))


def test_a_file_goes_before_the_environment(secret, monkeypatch):
    monkeypatch.setenv("CONFCTL_PASSWORD", "from the environment")
    assert password_of(Namespace(password_file=str(secret), user="me")) == "s3cret"
    assert password_of(Namespace(password_file=None, user="me")) == "from the environment"


def test_without_both_the_user_is_asked(monkeypatch):
    monkeypatch.delenv("CONFCTL_PASSWORD", raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: prompt)
    assert password_of(Namespace(password_file=None, user="me")) == "Password of me: "


def test_without_a_terminal_nobody_is_asked(monkeypatch):
    def fail(prompt):
        raise EOFError

    monkeypatch.delenv("CONFCTL_PASSWORD", raising=False)
    monkeypatch.setattr(getpass, "getpass", fail)
    with pytest.raises(Failure, match="use --password-file FILE or set CONFCTL_PASSWORD"):
        password_of(Namespace(password_file=None, user="me"))
