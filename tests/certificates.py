"""Certificates for tests: authorities that issue good, expired and revoked ones, as files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

NAMES = ("localhost", "127.0.0.1")
DAY = timedelta(days=1)


class Issued:
    """A certificate with its chain and its key, in files."""

    def __init__(self, made: trustme.LeafCert, folder: Path, name: str) -> None:
        self.chain = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        self.made = made
        made.private_key_pem.write_to_path(self.key)
        self.key.chmod(0o600)
        self.chain.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))

    @property
    def files(self) -> dict[str, str]:
        """Return the files as the parameters of a context."""
        return {"certificate": str(self.chain), "certificate_key": str(self.key)}

    def replace_by(self, other: Issued) -> None:
        """Put another certificate and its key into these files."""
        self.chain.write_bytes(other.chain.read_bytes())
        self.key.write_bytes(other.key.read_bytes())


class Authority:
    """A CA with a file."""

    def __init__(self, folder: Path, name: str = "ca", made: trustme.CA | None = None) -> None:
        self._folder = folder
        self.made = made or trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.file = folder / f"{name}.pem"
        self.made.cert_pem.write_to_path(self.file)

    def issue(
        self, name: str = "server", *names: str, days: int = 365, rsa: bool = False
    ) -> Issued:
        """Issue a certificate that is valid for so many days from now; fewer than 0: expired."""
        kind = trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA
        end = datetime.now(UTC) + days * DAY
        made = self.made.issue_cert(*(names or NAMES), not_after=end, key_type=kind)
        return Issued(made, self._folder, name)

    def child(self, name: str) -> Authority:
        """Return a CA that this one has signed."""
        return Authority(self._folder, name, self.made.create_child_ca())

    def revoke(self, *revoked: Issued, days: int = 30) -> Path:
        """Return the file with the list of these certificates."""
        key = serialization.load_pem_private_key(self.made.private_key_pem.bytes(), None)
        own = x509.load_pem_x509_certificate(self.made.cert_pem.bytes())
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(own.subject)
            .last_update(now - 60 * DAY)
            .next_update(now + days * DAY)
        )
        for one in revoked:
            leaf = x509.load_pem_x509_certificate(one.made.cert_chain_pems[0].bytes())
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(leaf.serial_number)
                .revocation_date(now - DAY)
                .build()
            )
            builder = builder.add_revoked_certificate(entry)
        crl = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]
        file = self._folder / f"revoked-{len(revoked)}-{days}.pem"
        file.write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        return file
