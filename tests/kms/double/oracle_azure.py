"""Microsoft's own client against the double: oracle_azure.py URL AUTHORITY TENANT CLIENT SECRET KEY OPERATION VALUE

KEY is NAME or NAME/VERSION; OPERATION is create, encrypt, decrypt, wrap_key or unwrap_key; VALUE and what is printed are base64 (the printed one after
the version that was used)."""
import base64
import sys

from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm

url, authority, tenant, client, secret, name, operation, value = sys.argv[1:9]
credential = ClientSecretCredential(tenant, client, secret, authority=authority, disable_instance_discovery=True)
# The double is on localhost, and its challenge names the real service: the one check of the client that is off.
keys = KeyClient(url, credential, verify_challenge_resource=False)
if operation == "create":
    print(keys.create_rsa_key(name, size=2048).properties.version)
    sys.exit(0)
name, _, version = name.partition("/")
version = version or keys.get_key(name).properties.version
# By id, so that the client decides as it does for users: it encrypts by itself when it may read the key.
remote = CryptographyClient(f"{url}/keys/{name}/{version}", credential, verify_challenge_resource=False)
data = base64.b64decode(value)
if operation in ("encrypt", "decrypt"):
    result = getattr(remote, operation)(EncryptionAlgorithm.rsa_oaep_256, data)
    out = result.ciphertext if operation == "encrypt" else result.plaintext
else:
    result = getattr(remote, operation)(KeyWrapAlgorithm.rsa_oaep_256, data)
    out = result.encrypted_key if operation == "wrap_key" else result.key
print(version, base64.b64encode(out).decode())
