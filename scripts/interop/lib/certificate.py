"""Makes ca.pem, cert.pem and key.pem in a folder, where there is no openssl: certificate.py FOLDER NAME..."""
import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

folder = pathlib.Path(sys.argv[1])
names = [x509.DNSName(name) for name in sys.argv[2:]] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
now = datetime.datetime.now(datetime.timezone.utc)


def subject(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def builder(text, key):
    return (
        x509.CertificateBuilder()
        .subject_name(subject(text))
        .issuer_name(subject("interop run"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def write(name, thing):
    (folder / name).write_bytes(thing.public_bytes(serialization.Encoding.PEM))


ca_key = ec.generate_private_key(ec.SECP256R1())
usage = dict.fromkeys(
    "digital_signature content_commitment key_encipherment data_encipherment key_agreement crl_sign encipher_only decipher_only".split(), False
)
ca = builder("interop run", ca_key).add_extension(x509.BasicConstraints(True, None), True)
ca = ca.add_extension(x509.KeyUsage(key_cert_sign=True, **usage), True).sign(ca_key, hashes.SHA256())
key = ec.generate_private_key(ec.SECP256R1())
leaf = builder("interop emulators", key).add_extension(x509.SubjectAlternativeName(names), False)
leaf = leaf.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False)
leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False).sign(ca_key, hashes.SHA256())
write("ca.pem", ca)
write("cert.pem", leaf)
private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
(folder / "key.pem").write_bytes(private)
