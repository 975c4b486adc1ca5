"""Certificates of servers, sound and unsound in one way, and how a server gets them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from postgres_server import PostgresServer

HOSTS = ("localhost", "127.0.0.1")
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its chain, and its key, as PEM has them."""

    chain: bytes
    key: bytes


class Authority:
    """An authority that a client may trust; each has a key of its own."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def root(self, folder: Path) -> Path:
        """Write the authority's own certificate, for `sslrootcert`."""
        path = folder / "root.crt"
        self._ca.cert_pem.write_to_path(path)
        return path

    def certificate(self, *hosts: str, not_after: datetime | None = None) -> Certificate:
        """Issue a certificate, for this machine unless for others."""
        before = not_after - timedelta(days=30) if not_after else None
        leaf = self._ca.issue_cert(*(hosts or HOSTS), not_before=before, not_after=not_after)
        return Certificate(
            b"".join(part.bytes() for part in leaf.cert_chain_pems),
            leaf.private_key_pem.bytes(),
        )

    def expired(self) -> Certificate:
        return self.certificate(not_after=LONG_AGO)

    def for_another_host(self) -> Certificate:
        return self.certificate("another.example")


def self_signed() -> Certificate:
    """Make a certificate for this machine that nobody else vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(signed.public_bytes(pem), key.private_bytes(pem, *plain))


def install(server: PostgresServer, certificate: Certificate) -> None:
    """Give a running server a certificate, its first or another; sessions that are open keep the old one."""
    server.write("server.crt", certificate.chain)
    server.write("server.key", certificate.key)
    server.configure(ssl="on")
    server.reload()
