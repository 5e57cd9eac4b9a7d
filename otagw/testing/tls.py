"""A private certificate authority for one double, and a certificate for loopback."""

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_YEAR: Final = datetime.timedelta(days=365)
_NAMES: Final = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


def context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return what serves https on loopback, and the file of the authority that a client has to trust."""
    authority, key = _key(), _key()
    name = _named("otagw test authority")
    root = _builder(name, name, authority.public_key(), is_authority=True).sign(authority, hashes.SHA256())
    leaf = _builder(_named("localhost"), name, key.public_key(), is_authority=False).sign(authority, hashes.SHA256())
    ca, chain = folder / "ca.pem", folder / "server.pem"
    ca.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(chain)
    return found, ca


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool
) -> x509.CertificateBuilder:
    # Clients check it by the machine's clock; a day early, in case that is slow.
    begins = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + _YEAR)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
    )
    if is_authority:
        usage = x509.KeyUsage(*(False,) * 5, True, True, False, False)
        return made.add_extension(usage, critical=True)
    return made.add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
