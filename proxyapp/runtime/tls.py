"""The certificates of listening ports: contexts made from files, and made anew when those change.

What is wrong with a certificate is said in words that name the file and the remedy. A context that
works is kept until a better one can be made. Knows no sockets.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from confwire.tls import TlsError, client_context, server_context
from proxyapp.engine.transport import Tls

EXPIRES_SOON = 14
"""Days before its end from which on a certificate is complained of."""

Stamp = tuple[tuple[str, int, int, int], ...]


class Certificate:
    """What people want to know of a certificate."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self.names = _names_of(certificate)
        """Whom it is for."""
        self.issuer = certificate.issuer.rfc4514_string()
        self.expires = certificate.not_valid_after_utc
        self.begins = certificate.not_valid_before_utc
        self.self_signed = certificate.issuer == certificate.subject

    def complaint(self, now: datetime) -> str:
        """Return what is wrong with its times; "" when nothing is."""
        left = (self.expires - now).days
        if now < self.begins:
            return f"is not valid before {self.begins:%Y-%m-%d}: check the clock, or issue it anew"
        if now >= self.expires:
            return f"has expired on {self.expires:%Y-%m-%d}, and clients refuse it: renew it"
        if left < EXPIRES_SOON:
            return f"expires in {left} days, on {self.expires:%Y-%m-%d}: renew it"
        return ""


class Identity:
    """The certificate that a listening port shows, and the context that was made from its files."""

    def __init__(self, tls: Tls) -> None:
        """Read the files.

        Raises:
            TlsError: they cannot be used.
        """
        self._tls = tls
        self._stamp: Stamp = ()
        self.context: ssl.SSLContext
        self.certificate: Certificate
        self.failure = ""
        """Why the files of now are not used, but those of before."""
        self.load()

    def load(self) -> None:
        """Read the files anew. It may block for some milliseconds, so call it in a thread.

        Raises:
            TlsError: they cannot be used, and what was loaded before still counts.
        """
        stamp, tls = self._stamp_of_files(), self._tls
        context = server_context(
            certificate=tls.certificate,
            certificate_key=tls.certificate_key,
            trusted_ca=tls.trusted_ca,
            crl=tls.crl,
            mutual=tls.mutual,
            cipher_list=tls.cipher_list,
            protocol=tls.protocol,
        )
        certificate = _read_certificate(tls.certificate)
        self.context, self.certificate, self._stamp = context, certificate, stamp
        self.failure = ""

    def follow(self) -> bool:
        """Read the files anew if one of them has changed; return whether they are used now.

        As long as they cannot be used they are tried again, as a certificate and its key are
        seldom replaced in one step.
        """
        if self._stamp_of_files() == self._stamp:
            self.failure = ""
            return False
        try:
            self.load()
        except TlsError as error:
            self.failure = str(error)
            return False
        return True

    def complaint(self, now: datetime) -> str:
        """Return what operators should know; "" when all is well."""
        if self.failure:
            return f"the changed files cannot be used, so the old ones are: {self.failure}"
        if text := self.certificate.complaint(now):
            return f"certificate {self._tls.certificate} {text}"
        key = self._tls.certificate_key
        if _is_public(key):
            return f"everybody on this host may read certificate-key {key}: run chmod o= {key}"
        return ""

    def status(self) -> dict[str, Any]:
        """Return what is in use, for status pages."""
        certificate = self.certificate
        return {
            "certificate": self._tls.certificate,
            "names": certificate.names,
            "issuer": certificate.issuer,
            "expires": certificate.expires.isoformat(),
            "expiresAt": certificate.expires.timestamp(),
            "selfSigned": certificate.self_signed,
            "mutual": self._tls.mutual,
        }

    def _stamp_of_files(self) -> Stamp:
        return tuple(_stamp_of(name) for name in _files_of(self._tls))


def context_for(tls: Tls) -> tuple[ssl.SSLContext, str | None]:
    """Return what a connection to another server needs: its context, and the name to check.

    The name is None where it is the host that is connected to. The files are read each time, so
    that changed ones count from the next connection on; call it in a thread.

    Raises:
        TlsError: a file or a value cannot be used.
    """
    target = tls.target.strip()
    unchecked = target.lower() in ("no", "false", "0", "off")
    context = client_context(
        trusted_ca=tls.trusted_ca,
        crl=tls.crl,
        certificate=tls.certificate,
        certificate_key=tls.certificate_key,
        cipher_list=tls.cipher_list,
        protocol=tls.protocol,
        check_name=not unchecked,
    )
    plain = unchecked or target.lower() in ("", "host", "yes", "true", "1", "on")
    return context, None if plain else target


def now() -> datetime:
    """Return the time that certificates are judged by."""
    return datetime.now(UTC)


def _read_certificate(names: str) -> Certificate:
    first = names.split(",")[0].strip()
    try:
        return Certificate(x509.load_pem_x509_certificates(Path(first).read_bytes())[0])
    except ValueError as error:
        raise TlsError(f"certificate {first} cannot be read: {error}") from error


def _names_of(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(name.value) for name in common]
    assert isinstance(found.value, x509.SubjectAlternativeName)
    return list(_texts(found.value))


def _texts(names: x509.SubjectAlternativeName) -> Iterator[str]:
    for name in names:
        if isinstance(name.value, str | ipaddress.IPv4Address | ipaddress.IPv6Address):
            yield str(name.value)


def _is_public(name: str) -> bool:
    try:
        return bool(os.stat(name).st_mode & stat.S_IROTH)
    except OSError:
        return False


def _files_of(tls: Tls) -> list[str]:
    names = [*tls.certificate.split(","), tls.certificate_key, tls.trusted_ca, tls.crl]
    return [name.strip() for name in names if name.strip()]


def _stamp_of(name: str) -> tuple[str, int, int, int]:
    """Return what tells a file from the one that was there before."""
    try:
        found = os.stat(name)
    except OSError:
        return name, 0, 0, 0
    return name, found.st_mtime_ns, found.st_size, found.st_ino
