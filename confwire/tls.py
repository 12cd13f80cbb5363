"""TLS as every part of csproxy speaks it: contexts made from files, and failures in plain words.

TLS 1.2 and above, authenticated ciphers with forward secrecy, the other side's name checked.
Knows files and OpenSSL, no sockets and no protocol.
"""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, unless configured; those of TLS 1.3 are all good and cannot be chosen."""

LARGEST_FILE = 64 * 2**20
"""Bytes; lists of revoked certificates may have many entries."""
_NEWEST = ssl.TLSVersion.MAXIMUM_SUPPORTED
_PROTOCOLS = {
    "": (ssl.TLSVersion.TLSv1_2, _NEWEST),
    "sslv23": (ssl.TLSVersion.TLSv1_2, _NEWEST),
    "tlsv12": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
    "tlsv13": (ssl.TLSVersion.TLSv1_3, _NEWEST),
}
_TOO_OLD = ("sslv2", "sslv3", "tlsv1", "tlsv10", "tlsv11")


class TlsError(Exception):
    """A context cannot be made; the text names the parameter, its file and the remedy."""


def client_context(
    *,
    trusted_ca: str = "",
    crl: str = "",
    certificate: str = "",
    certificate_key: str = "",
    cipher_list: str = "",
    protocol: str = "",
    check_name: bool = True,
) -> ssl.SSLContext:
    """Return a context for connections to servers. Reads files, so it may block for a moment.

    Args:
        trusted_ca: file or folder with the CAs to trust; empty: those of the system.
        crl: file with the CAs' lists of revoked certificates; empty: none is asked for.
        certificate: files with the own certificate and its chain, separated by commas.
        certificate_key: file with its key.
        cipher_list: an OpenSSL cipher list for TLS 1.2.
        protocol: "TLSv12" or "TLSv13" alone; empty: both.
        check_name: whether the certificate must be for the name that is connected to.

    Raises:
        TlsError: a file or a value cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _restrict(context, cipher_list, protocol)
    context.check_hostname = check_name
    if trusted_ca:
        trust(context, trusted_ca)
    else:
        context.load_default_certs()
    if crl:
        revoke(context, crl)
    if certificate or certificate_key:
        identify(context, certificate, certificate_key)
    return context


def server_context(
    *,
    certificate: str,
    certificate_key: str,
    trusted_ca: str = "",
    crl: str = "",
    mutual: bool = False,
    cipher_list: str = "",
    protocol: str = "",
) -> ssl.SSLContext:
    """Return a context for a listening port; arguments and errors as of `client_context`.

    Args:
        mutual: whether clients must show a certificate of a trusted CA.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context, cipher_list, protocol)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    # One ticket resumes a session as well as two, and takes half the work.
    context.num_tickets = 1
    identify(context, certificate, certificate_key)
    if mutual:
        if not trusted_ca:
            raise TlsError(
                "tls-mutual needs trusted-ca: the file with the CA of the clients' certificates"
            )
        trust(context, trusted_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        if crl:
            revoke(context, crl)
    return context


def identify(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Let a context show a certificate. Raises TlsError."""
    if not certificate:
        raise TlsError("certificate is not given: name the file with the certificate, in PEM")
    if not key:
        raise TlsError("certificate-key is not given: name the file with the certificate's key")
    chain = b"\n".join(_read("certificate", name.strip()) for name in certificate.split(","))
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        raise TlsError(f"certificate {certificate} holds no certificate in PEM: convert it")
    _check_key(key, _read("certificate-key", key))
    try:
        _load_chain(context, certificate, chain, key)
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            raise TlsError(
                f"certificate-key {key} is not the key of certificate {certificate}: give the key"
                " that the certificate was requested with"
            ) from error
        raise TlsError(
            f"certificate {certificate} with certificate-key {key} cannot be used"
            f" ({_reason(error)}): both must be in PEM, the key RSA of 2048 bits or more, or ECDSA"
        ) from error


def trust(context: ssl.SSLContext, trusted_ca: str) -> None:
    """Let a context trust these CAs. Raises TlsError."""
    path = Path(trusted_ca)
    if not path.is_dir():
        _check_file("trusted-ca", trusted_ca)
    _load(
        f"trusted-ca {trusted_ca}",
        "it must hold certificates in PEM, or be a folder prepared by `openssl rehash`",
        lambda: context.load_verify_locations(
            capath=trusted_ca if path.is_dir() else None,
            cafile=None if path.is_dir() else trusted_ca,
        ),
    )
    # What is named is trusted as it is, also where it is a server's own certificate.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def revoke(context: ssl.SSLContext, crl: str) -> None:
    """Let a context refuse the certificates of these lists. Raises TlsError."""
    if b"-----BEGIN X509 CRL-----" not in _read("tls-crl", crl):
        raise TlsError(f"tls-crl {crl} holds no revocation list in PEM: convert it")
    _load(
        f"tls-crl {crl}",
        "fetch it from the CA anew",
        lambda: context.load_verify_locations(cafile=crl),
    )
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def explain(error: BaseException) -> str:
    """Return in plain words why a handshake failed, with the remedy; "" for other errors."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFYING.get(
            error.verify_code, f"its certificate cannot be verified: {error.verify_message}"
        )
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").upper()
        return _HANDSHAKES.get(reason.rpartition("ALERT_")[2]) or f"TLS failed: {_reason(error)}"
    return ""


BROKEN_OFF = (
    "the connection ended within the handshake: the server may ask for a certificate (certificate,"
    " certificate-key) or refuse the one that it was shown; its log says why"
)
"""What a client says where the server said nothing."""
_UNTRUSTED = (
    "its certificate comes from a CA that is not trusted here: name the file with that CA in"
    " trusted-ca"
)
_OTHER_NAME = (
    "its certificate is for another name: connect by a name that it has, or give that name in"
    " tls-target-name-check"
)
_VERIFYING = {
    2: _UNTRUSTED,
    3: "there is no revocation list of its certificate's CA: add that CA's to tls-crl",
    9: "its certificate is not valid yet: check the clocks of both hosts",
    10: "its certificate has expired: renew it there",
    12: "the revocation list in tls-crl has expired: fetch the new one from the CA",
    18: "its certificate is self-signed: name it in trusted-ca, or better have a CA sign one",
    19: "its certificate's CA is not trusted here: name the file with that CA in trusted-ca",
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    23: "its certificate was revoked: have a new one issued",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
"""OpenSSL's verify codes."""
_NO_TLS = "the other side speaks no TLS: connect in clear, or to a port that is secured"
_TOO_OLD_PROTOCOL = "both sides have no protocol in common: TLS 1.2 is the oldest that is spoken"
_REFUSED = "the other side does not take the certificate that it was shown: "
_HANDSHAKES = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "UNSUPPORTED_PROTOCOL": _TOO_OLD_PROTOCOL,
    "VERSION_TOO_LOW": _TOO_OLD_PROTOCOL,
    "PROTOCOL_VERSION": _TOO_OLD_PROTOCOL,
    "NO_SHARED_CIPHER": "both sides have no cipher in common: see cipher-list",
    "HANDSHAKE_FAILURE": "both sides have no cipher in common, or a certificate is asked for",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate, and tls-mutual asks for one",
    "CERTIFICATE_REQUIRED": "the server asks for a certificate: give certificate and"
    " certificate-key",
    "UNKNOWN_CA": _REFUSED + "the certificate's CA is not trusted there",
    "CERTIFICATE_EXPIRED": _REFUSED + "it has expired",
    "CERTIFICATE_REVOKED": _REFUSED + "it was revoked",
    "CERTIFICATE_UNKNOWN": _REFUSED + "its log may say why",
    "BAD_CERTIFICATE": _REFUSED + "its log may say why",
}
"""OpenSSL's reasons, those of alerts without what comes before them."""


def _restrict(context: ssl.SSLContext, cipher_list: str, protocol: str) -> None:
    wanted = protocol.strip().lower().replace(".", "").replace("_", "")
    if wanted not in _PROTOCOLS:
        old = wanted in _TOO_OLD
        why = "is older than TLS 1.2, which is the least here" if old else "is not known"
        raise TlsError(f"sec-protocol {protocol} {why}: leave it out, or give TLSv12 or TLSv13")
    context.minimum_version, context.maximum_version = _PROTOCOLS[wanted]
    try:
        context.set_ciphers(cipher_list or CIPHERS)
    except ssl.SSLError:
        raise TlsError(
            f"cipher-list {cipher_list} names no cipher that OpenSSL has: leave it out"
        ) from None
    if weak := [cipher["name"] for cipher in context.get_ciphers() if _is_weak(cipher)]:
        raise TlsError(
            f"cipher-list {cipher_list} allows weak ciphers ({', '.join(weak[:3])}): leave it out,"
            " or name ciphers with ECDHE and GCM or CHACHA20"
        )


def _is_weak(cipher: Any) -> bool:
    """Whether a cipher lacks forward secrecy, authentication, or strength."""
    if cipher["protocol"] == "TLSv1.3":
        return False
    ephemeral = cipher["kea"] in ("kx-ecdhe", "kx-dhe")
    named = cipher["auth"] in ("auth-rsa", "auth-ecdsa")
    return not (cipher["aead"] and ephemeral and named and cipher["strength_bits"] >= 128)


def _load_chain(context: ssl.SSLContext, names: str, chain: bytes, key: str) -> None:
    """Load certificate and key; without a passphrase, as nobody is there to be asked."""
    if "," not in names:
        context.load_cert_chain(names, key, password=_no_passphrase)
        return
    with TemporaryDirectory() as folder:  # OpenSSL reads a chain from one file only
        whole = Path(folder) / "chain.pem"
        whole.write_bytes(chain)
        context.load_cert_chain(whole, key, password=_no_passphrase)


def _no_passphrase() -> str:
    return ""


def _check_key(name: str, key: bytes) -> None:
    if b"ENCRYPTED" in key:
        raise TlsError(
            f"certificate-key {name} has a passphrase: write it without one (openssl pkey -in"
            f" {name}), and let only the server's account read it"
        )
    if b"PRIVATE KEY-----" not in key:
        raise TlsError(f"certificate-key {name} holds no key in PEM: convert it")


def _read(parameter: str, name: str) -> bytes:
    _check_file(parameter, name)
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise _unreadable(parameter, name, error) from error


def _check_file(parameter: str, name: str) -> None:
    """Let nobody wait for a pipe, or read a device without an end."""
    try:
        found = Path(name).stat()
    except OSError as error:
        raise _unreadable(parameter, name, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise TlsError(f"{parameter} {name} is no file: name a file in PEM")
    if found.st_size > LARGEST_FILE:
        most = LARGEST_FILE // 2**20
        raise TlsError(f"{parameter} {name} is over {most} MiB: name a file in PEM")


def _unreadable(parameter: str, name: str, error: OSError) -> TlsError:
    return TlsError(
        f"{parameter} {name} cannot be read: {error.strerror}; check the path, and that the"
        " account that runs this may read it"
    )


def _load(what: str, remedy: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        raise TlsError(f"{what} cannot be used ({_reason(error)}): {remedy}") from error
    except OSError as error:
        raise TlsError(f"{what} cannot be read: {error.strerror}; check the path") from error


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
