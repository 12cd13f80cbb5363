"""Contexts from files, and failures in plain words; handshakes run in memory."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from confwire.tls import TlsError, client_context, explain, server_context
from tests.certificates import Authority, Issued


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(ca: Authority) -> Issued:
    return ca.issue()


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Return both ends after their handshake, the server's first, or raise why it failed."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    for end in ends:  # what a server says of a certificate comes with the first read
        try:
            end.read(1)
        except ssl.SSLWantReadError:
            continue
    return ends[1], ends[0]


def why_not(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> str:
    with pytest.raises(ssl.SSLError) as failure:
        shake_hands(server, client, name)
    return explain(failure.value)


def test_both_sides_agree_on_the_newest_protocol_and_a_strong_cipher(ca, server) -> None:
    one, _ = shake_hands(server_context(**server.files), client_context(trusted_ca=str(ca.file)))
    assert one.version() == "TLSv1.3"


def test_tls_1_2_is_spoken_with_forward_secrecy(ca, server) -> None:
    client = client_context(trusted_ca=str(ca.file), protocol="TLSv12")
    one, _ = shake_hands(server_context(**server.files), client)
    name, version, bits = one.cipher() or ("", "", 0)
    assert one.version() == "TLSv1.2"
    assert name.startswith("ECDHE-")
    assert (version, bits >= 128) == ("TLSv1.2", True)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("old", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_protocols_are_refused(ca, server, old) -> None:
    client = client_context(trusted_ca=str(ca.file))
    client.set_ciphers("ALL:@SECLEVEL=0")
    client.minimum_version = client.maximum_version = old
    context = server_context(**server.files)
    assert "TLS 1.2 is the oldest" in why_not(context, client)


def test_every_cipher_has_forward_secrecy_and_authenticates_data(server) -> None:
    ciphers = server_context(**server.files).get_ciphers()
    assert ciphers
    assert all(cipher["aead"] and cipher["strength_bits"] >= 128 for cipher in ciphers)
    assert all(cipher["protocol"] == "TLSv1.3" or cipher["kea"] == "kx-ecdhe" for cipher in ciphers)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"cipher_list": "AES128-SHA"}, "weak ciphers .AES128-SHA"),
        ({"cipher_list": "ALL:@SECLEVEL=0"}, "weak ciphers"),
        ({"cipher_list": "aNULL:@SECLEVEL=0"}, "weak ciphers"),
        ({"cipher_list": "no such thing"}, "names no cipher"),
        ({"protocol": "TLSv1"}, "sec-protocol TLSv1 is older than TLS 1.2"),
        ({"protocol": "TLSv1.1"}, "older than TLS 1.2"),
        ({"protocol": "SSLv3"}, "older than TLS 1.2"),
        ({"protocol": "quic"}, "sec-protocol quic is not known"),
        ({"mutual": True}, "tls-mutual needs trusted-ca"),
        ({"certificate": ""}, "certificate is not given"),
        ({"certificate_key": ""}, "certificate-key is not given"),
        ({"certificate": "/nowhere/c.pem"}, "certificate /nowhere/c.pem cannot be read: No such"),
        ({"certificate_key": "/nowhere/k"}, "certificate-key /nowhere/k cannot be read: No such"),
        ({"mutual": True, "trusted_ca": "/nowhere/ca"}, "trusted-ca /nowhere/ca cannot be read"),
        (
            {"mutual": True, "trusted_ca": "{ca}", "crl": "/nowhere/crl"},
            "tls-crl /nowhere/crl cannot be read",
        ),
        ({"mutual": True, "trusted_ca": "{ca}", "crl": "{ca}"}, "holds no revocation list"),
        ({"mutual": True, "trusted_ca": "{key}"}, "trusted-ca .* cannot be used"),
        ({"certificate": "/dev/zero"}, "certificate /dev/zero is no file"),
        ({"certificate_key": "/"}, "certificate-key / is no file"),
        ({"mutual": True, "trusted_ca": "/dev/zero"}, "trusted-ca /dev/zero is no file"),
        ({"certificate": "{key}"}, "holds no certificate in PEM"),
        ({"certificate_key": "{ca}"}, "holds no key in PEM"),
        ({"certificate_key": "{other}"}, "is not the key of certificate"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_remedy(ca, server, parameters, text) -> None:
    other = ca.issue("other")
    paths = {"ca": ca.file, "key": server.key, "other": other.key}
    given: dict[str, Any] = {
        name: value.format(**paths) if isinstance(value, str) else value
        for name, value in parameters.items()
    }
    with pytest.raises(TlsError, match=text):
        server_context(**{**server.files, **given})


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(server, tmp_path) -> None:
    locked = tmp_path / "locked.key"
    locked.write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    with pytest.raises(TlsError, match="has a passphrase: write it without one"):
        server_context(certificate=str(server.chain), certificate_key=str(locked))


def test_a_chain_in_several_files_is_shown_whole(ca, tmp_path) -> None:
    middle = ca.child("middle")
    leaf = middle.issue("leaf")
    first, *rest = leaf.made.cert_chain_pems
    (tmp_path / "leaf-alone.pem").write_bytes(first.bytes())
    (tmp_path / "rest.pem").write_bytes(b"".join(pem.bytes() for pem in rest))
    names = f"{tmp_path / 'leaf-alone.pem'}, {tmp_path / 'rest.pem'}"
    client = client_context(trusted_ca=str(ca.file))
    shake_hands(server_context(certificate=names, certificate_key=str(leaf.key)), client)
    alone = server_context(
        certificate=str(tmp_path / "leaf-alone.pem"), certificate_key=str(leaf.key)
    )
    assert "not trusted here" in why_not(alone, client)


def test_a_wrong_name_is_refused_unless_it_is_not_checked(ca, server) -> None:
    context = server_context(**server.files)
    client = client_context(trusted_ca=str(ca.file))
    assert "for another name" in why_not(context, client, "balancer.example")
    unchecked = client_context(trusted_ca=str(ca.file), check_name=False)
    shake_hands(context, unchecked, "balancer.example")


def test_a_foreign_ca_and_an_expired_certificate_are_refused(ca, server, tmp_path) -> None:
    client = client_context(trusted_ca=str(ca.file))
    (tmp_path / "b").mkdir()
    foreign = Authority(tmp_path / "b").issue()
    assert "not trusted here" in why_not(server_context(**foreign.files), client)
    expired = ca.issue("expired", days=-1)
    assert "has expired: renew it" in why_not(server_context(**expired.files), client)


def test_what_is_named_as_trusted_is_trusted_although_no_ca(ca, server) -> None:
    pinned = client_context(trusted_ca=str(server.chain))
    shake_hands(server_context(**server.files), pinned)


def test_a_client_must_show_a_certificate_of_a_trusted_ca(ca, server, tmp_path) -> None:
    context = server_context(**server.files, mutual=True, trusted_ca=str(ca.file))
    known = ca.issue("client", "proxy-1")
    client = client_context(trusted_ca=str(ca.file), **known.files)
    one, _ = shake_hands(context, client)
    assert one.getpeercert()
    assert "shows no certificate" in why_not(context, client_context(trusted_ca=str(ca.file)))
    (tmp_path / "b").mkdir()
    foreign = Authority(tmp_path / "b").issue()
    other = client_context(trusted_ca=str(ca.file), **foreign.files)
    assert "not trusted here" in why_not(context, other)


def test_revoked_certificates_are_refused_on_both_sides(ca, server) -> None:
    known = ca.issue("client", "proxy-1")
    crl = str(ca.revoke(known))
    context = server_context(**server.files, mutual=True, trusted_ca=str(ca.file), crl=crl)
    client = client_context(trusted_ca=str(ca.file), **known.files)
    assert "was revoked" in why_not(context, client)
    good = ca.issue("good", "proxy-2")
    shake_hands(context, client_context(trusted_ca=str(ca.file), **good.files))
    wary = client_context(trusted_ca=str(ca.file), crl=str(ca.revoke(server, known)))
    assert "was revoked" in why_not(server_context(**server.files), wary)


def test_an_old_or_missing_revocation_list_lets_nobody_in(ca, server, tmp_path) -> None:
    context = server_context(**server.files)
    late = client_context(trusted_ca=str(ca.file), crl=str(ca.revoke(days=-1)))
    assert "revocation list in tls-crl has expired" in why_not(context, late)
    (tmp_path / "b").mkdir()
    foreign = Authority(tmp_path / "b").revoke()
    other = client_context(trusted_ca=str(ca.file), crl=str(foreign))
    assert "no revocation list of its certificate's CA" in why_not(context, other)


@pytest.mark.parametrize("protocol", ["TLSv12", "TLSv13"])
def test_sessions_are_resumed_without_a_second_proof(ca, server, protocol) -> None:
    context = server_context(**server.files)
    client = client_context(trusted_ca=str(ca.file), protocol=protocol)
    _, first = shake_hands(context, client)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    again = client.wrap_bio(
        to_client, to_server, server_hostname="localhost", session=first.session
    )
    other = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for end in (again, other):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert again.session_reused


def test_other_errors_are_not_explained() -> None:
    assert explain(ConnectionResetError("reset")) == ""


def test_what_speaks_no_tls_is_said_so(ca) -> None:
    client = client_context(trusted_ca=str(ca.file))
    incoming = ssl.MemoryBIO()
    end = client.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        end.do_handshake()
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError) as failure:
        end.do_handshake()
    assert "speaks no TLS" in explain(failure.value)
