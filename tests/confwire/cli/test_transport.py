"""How confctl is told to reach its server."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from confwire.cli.arguments import UsageError, parse
from confwire.cli.transport import options_of
from confwire.tls import TlsError
from tests.certificates import Authority

ME = ["status", "--user", "anna"]


def test_without_a_word_it_connects_in_clear_from_any_address():
    assert options_of(parse(ME)) == {}


def test_by_tls_the_systems_cas_and_the_hosts_name_count():
    options = options_of(parse([*ME, "-tls"]))
    assert list(options) == ["tls"]
    assert options["tls"].check_hostname
    assert options["tls"].verify_mode is ssl.CERT_REQUIRED


def test_files_and_the_name_to_check_can_be_given(tmp_path: Path):
    ca = Authority(tmp_path)
    own = ca.issue("anna")
    words = ["--tls", "--trusted-ca", str(ca.file), "--tls-crl", str(ca.revoke())]
    words += ["--certificate", str(own.chain), "--certificate-key", str(own.key)]
    options = options_of(parse([*ME, *words, "--tls-target-name-check", "balancer"]))
    assert options["tls_name"] == "balancer"
    assert options["tls"].verify_flags & ssl.VERIFY_CRL_CHECK_LEAF
    assert len(options["tls"].get_ca_certs()) == 1


def test_the_name_may_be_left_unchecked():
    options = options_of(parse([*ME, "--tls", "--tls-target-name-check", "no"]))
    assert not options["tls"].check_hostname
    assert "tls_name" not in options


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(TlsError, match="trusted-ca /nowhere cannot be read"):
        options_of(parse([*ME, "--tls", "--trusted-ca", "/nowhere"]))


@pytest.mark.parametrize("option", ["--trusted-ca", "--tls-crl", "--certificate"])
def test_files_without_tls_are_a_slip(option: str):
    with pytest.raises(UsageError, match="give --tls, too"):
        parse([*ME, option, "file"])


def test_the_local_address_and_port_can_be_fixed():
    words = ["--transport-address", "10.0.0.7", "--transport-port", "4711"]
    assert options_of(parse([*ME, *words])) == {"local_address": ("10.0.0.7", 4711)}
    assert options_of(parse([*ME, *words[2:]])) == {"local_address": ("", 4711)}
    with pytest.raises(UsageError):
        parse([*ME, "--transport-port", "0"])
