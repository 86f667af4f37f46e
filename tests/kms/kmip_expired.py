"""Makes expired.pem and expired.key in a folder that has ca.pem and ca.key: a client certificate of yesterday. OpenSSL's
command line (3.0) dates nothing back; the virtual environment of PyKMIP has what can."""
import datetime
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

folder = sys.argv[1]


def read(name):
    with open(os.path.join(folder, name), "rb") as f:
        return f.read()


ca = x509.load_pem_x509_certificate(read("ca.pem"))
ca_key = serialization.load_pem_private_key(read("ca.key"), None)
key = ec.generate_private_key(ec.SECP256R1())
now = datetime.datetime.utcnow()
certificate = (x509.CertificateBuilder()
               .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")]))
               .issuer_name(ca.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=3)).not_valid_after(now - datetime.timedelta(days=1))
               .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
               .sign(ca_key, hashes.SHA256()))
with open(os.path.join(folder, "expired.pem"), "wb") as f:
    f.write(certificate.public_bytes(serialization.Encoding.PEM))
with open(os.path.join(folder, "expired.key"), "wb") as f:
    f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()))
