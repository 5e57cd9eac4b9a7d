"""Signed SWUpdate images as its documentation has them: a cpio archive of a description and its payload."""

import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BOARD = "lab-board"
REGULAR_FILE = 0o100644
DESCRIPTION = """software =
{{
    version = "{version}";
    hardware-compatibility: [ "{revision}" ];
    files: ( {{ filename = "payload.bin"; path = "{target}"; sha256 = "{digest}"; }} );
}}
"""


class Signer:
    """Whoever releases images: a key, and the certificate that its devices trust."""

    def __init__(self, folder, name="release"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, data):
        """Return a detached CMS signature."""
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]
        builder = pkcs7.PKCS7SignatureBuilder().set_data(data)
        return builder.add_signer(self.certificate, self.key, hashes.SHA256()).sign(serialization.Encoding.DER, options)

    def image(self, version, payload, target, revision="1.0"):
        """Return an image that writes a payload to a file."""
        text = DESCRIPTION.format(
            version=version, revision=revision, target=target, digest=hashlib.sha256(payload).hexdigest()
        ).encode()
        members = {"sw-description": text, "sw-description.sig": self.sign(text), "payload.bin": payload}
        return archive(members)


def archive(members):
    """Return a cpio archive in the format with checksums, its members in the order given."""
    entries = [_entry(number, name, data) for number, (name, data) in enumerate(members.items(), 1)]
    found = b"".join([*entries, _entry(0, "TRAILER!!!", b"")])
    return found + bytes(-len(found) % 512)


def _entry(number, name, data):
    size = len(name) + 1
    check = sum(data) & 0xFFFFFFFF
    numbers = (number, REGULAR_FILE, 0, 0, 1, 0, len(data), 0, 0, 0, 0, size, check)
    head = b"070702" + b"".join(b"%08X" % value for value in numbers) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
