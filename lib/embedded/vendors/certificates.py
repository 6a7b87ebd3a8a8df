"""A certificate that nobody trusts, for a stand-in whose TLS must be refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lib.core.files import write_whole


def write_untrusted_certificate(folder: Path, name: str = "localhost") -> dict[str, str]:
    """Write a self-signed certificate for a name and its key, and return where, as a server takes them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    paths = {"ssl_certfile": folder / f"{name}.crt", "ssl_keyfile": folder / f"{name}.key"}
    write_whole(paths["ssl_certfile"], certificate.public_bytes(pem))
    write_whole(paths["ssl_keyfile"], key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted), mode=0o600)
    return {option: str(path) for option, path in paths.items()}
