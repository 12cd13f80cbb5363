"""Certificates of ports: what is told of them, and how changed files are taken over."""

from __future__ import annotations

import os
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from confwire.tls import TlsError
from proxyapp.engine.transport import Tls
from proxyapp.runtime.tls import Identity, context_for, now
from tests.certificates import Authority, Issued


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def identity_of(issued: Issued, **more: str) -> Identity:
    return Identity(Tls(**{**issued.files, **more}))


def age(path: Path) -> None:
    """Let a file look as if it had been written an hour ago."""
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3600))


def test_the_status_tells_whom_a_certificate_is_for_and_until_when(ca) -> None:
    status = identity_of(ca.issue("pool", "balancer.example", "10.0.0.7")).status()
    assert status["names"] == ["balancer.example", "10.0.0.7"]
    assert "Testing CA" in status["issuer"]
    assert not status["selfSigned"]
    assert datetime.fromisoformat(status["expires"]) > now() + timedelta(days=300)


def test_a_self_signed_certificate_is_told_as_such(ca, tmp_path) -> None:
    key = tmp_path / "ca.key"
    ca.made.private_key_pem.write_to_path(key)
    identity = Identity(Tls(certificate=str(ca.file), certificate_key=str(key)))
    assert identity.status()["selfSigned"]


@pytest.mark.parametrize(
    ("days", "text"),
    [(-1, "has expired on"), (5, "expires in [45] days"), (60, "^$")],
)
def test_a_certificate_is_complained_of_near_its_end_and_serves_on(ca, days, text) -> None:
    complaint = identity_of(ca.issue("server", days=days)).complaint(now())
    assert re.search(text, complaint)


def test_a_certificate_of_the_future_is_complained_of(ca) -> None:
    identity = identity_of(ca.issue())
    assert "is not valid before" in identity.complaint(datetime(1970, 1, 1, tzinfo=UTC))


def test_a_key_that_everybody_may_read_is_complained_of(ca) -> None:
    issued = ca.issue()
    identity = identity_of(issued)
    issued.key.chmod(0o644)
    assert f"run chmod o= {issued.key}" in identity.complaint(now())
    issued.key.chmod(0o640)
    assert identity.complaint(now()) == ""


def test_a_pipe_in_place_of_a_file_is_no_reason_to_wait(ca, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TlsError, match="is no file"):
        Identity(Tls(certificate=str(tmp_path / "pipe"), certificate_key=str(ca.issue().key)))


def test_changed_files_are_used(ca) -> None:
    issued = ca.issue()
    identity = identity_of(issued)
    context, expires = identity.context, identity.certificate.expires
    assert not identity.follow()
    issued.replace_by(ca.issue("next", days=100))
    assert identity.follow()
    assert identity.context is not context
    assert identity.certificate.expires < expires
    assert not identity.follow()


def test_files_that_do_not_fit_are_told_and_taken_when_they_do(ca) -> None:
    issued, other = ca.issue(), ca.issue("next", days=100)
    identity = identity_of(issued)
    context = identity.context
    issued.chain.write_bytes(other.chain.read_bytes())
    for _ in range(2):
        assert not identity.follow()
        assert identity.context is context
        assert "the old ones are: certificate-key" in identity.complaint(now())
    issued.key.write_bytes(other.key.read_bytes())
    assert identity.follow()
    assert identity.complaint(now()) == ""


def test_files_that_vanish_and_come_back_are_told_meanwhile(ca, tmp_path) -> None:
    issued = ca.issue()
    identity = identity_of(issued)
    issued.key.rename(tmp_path / "away")
    assert not identity.follow()
    assert "cannot be read: No such file" in identity.complaint(now())
    (tmp_path / "away").rename(issued.key)
    identity.follow()
    assert identity.complaint(now()) == ""


def test_a_changed_list_of_revoked_certificates_is_used(ca) -> None:
    crl = ca.revoke()
    identity = Identity(Tls(**ca.issue().files, mutual=True, trusted_ca=str(ca.file), crl=str(crl)))
    client = ca.issue("client", "proxy-1")
    crl.write_bytes(ca.revoke(client).read_bytes())
    age(crl)
    assert identity.follow()


def test_a_port_without_certificate_is_no_port(ca) -> None:
    with pytest.raises(TlsError, match="certificate is not given"):
        Identity(Tls())


@pytest.mark.parametrize(
    ("target", "checked", "name"),
    [
        ("host", True, None),
        ("", True, None),
        ("yes", True, None),
        ("no", False, None),
        ("0", False, None),
        ("balancer.example", True, "balancer.example"),
    ],
)
def test_whom_a_certificate_must_be_for_can_be_said(ca, target, checked, name) -> None:
    context, expected = context_for(Tls(trusted_ca=str(ca.file), target=target))
    assert (context.check_hostname, expected) == (checked, name)
    assert context.verify_mode is ssl.CERT_REQUIRED
