"""Google's own client against the double: oracle_google.py ENDPOINT CREDENTIALS_FILE KEY OPERATION VALUE

OPERATION is encrypt or decrypt; VALUE and what is printed are base64. The client sends checksums, and checks those of the
answer as Google's documentation asks users to."""
import base64
import sys

from google.cloud import kms_v1
from google.oauth2 import service_account

endpoint, file, name, operation, value = sys.argv[1:6]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


client = kms_v1.KeyManagementServiceClient(credentials=service_account.Credentials.from_service_account_file(file),
                                           transport="rest", client_options={"api_endpoint": endpoint})
data = base64.b64decode(value)
if operation == "encrypt":
    reply = client.encrypt(request={"name": name, "plaintext": data, "plaintext_crc32c": crc32c(data)})
    out = reply.ciphertext
    assert reply.verified_plaintext_crc32c and reply.ciphertext_crc32c == crc32c(out)
    assert reply.name.startswith(name + "/cryptoKeyVersions/")
else:
    reply = client.decrypt(request={"name": name, "ciphertext": data, "ciphertext_crc32c": crc32c(data)})
    out = reply.plaintext
    assert reply.plaintext_crc32c == crc32c(out)
print(base64.b64encode(out).decode())
