"""Keys and certificates as an attacker would make them, and as the hub's own authority would."""
import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def name_of(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def request_pem(key, common_name: str, extensions=()) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name_of(common_name))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def pem_of_key(key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Authority:
    """Signs what it is asked to."""

    def __init__(self, certificate, key):
        self.certificate = certificate
        self.key = key

    @classmethod
    def new(cls, common_name: str) -> "Authority":
        key = new_key()
        now = datetime.datetime.utcnow()
        certificate = (x509.CertificateBuilder().subject_name(name_of(common_name)).issuer_name(name_of(common_name))
                       .public_key(key.public_key()).serial_number(x509.random_serial_number())
                       .not_valid_before(now - DAY).not_valid_after(now + 365 * DAY)
                       .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                       .sign(key, hashes.SHA256()))
        return cls(certificate, key)

    @classmethod
    def of_hub(cls, hub) -> "Authority":
        """The hub's own authority, as a thief of its state folder would have it."""
        folder = hub.state / "keys" / "ca"
        return cls(x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()),
                   serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None))

    def issue(self, common_name: str, key, start=-DAY, end=30 * DAY, serial: int | None = None) -> bytes:
        """A client certificate in PEM, valid from now + start to now + end."""
        now = datetime.datetime.utcnow()
        certificate = (x509.CertificateBuilder().subject_name(name_of(common_name))
                       .issuer_name(self.certificate.subject).public_key(key.public_key())
                       .serial_number(serial or x509.random_serial_number())
                       .not_valid_before(now + start).not_valid_after(now + end)
                       .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                       .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
                       .sign(self.key, hashes.SHA256()))
        return certificate.public_bytes(serialization.Encoding.PEM)


def write_pair(folder: pathlib.Path, name: str, certificate: bytes, key) -> tuple[pathlib.Path, pathlib.Path]:
    """(certificate file, key file)"""
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(certificate)
    files[1].write_bytes(pem_of_key(key))
    return files


def serial_of(certificate_file: pathlib.Path) -> int:
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()).serial_number
