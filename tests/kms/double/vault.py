"""Vault transit with AppRole and Kubernetes/JWT log-in, as observed on Vault 1.21: texts of errors, keys that encrypting
makes, derived keys, retired versions, leases, sealing."""
import fnmatch
import os
import re
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tokens import Tokens, b64, jwt_read, unb64

CIPHERTEXT = re.compile(r"vault:v(\d+):([A-Za-z0-9+/=]+)")
DENIED = "1 error occurred:\n\t* permission denied\n\n"
INVALID = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"


def errors(status, *texts):
    return status, {"errors": list(texts)}, {}


class Vault:
    def __init__(self):
        self.sealed = False
        self.mounts = {"transit"}
        self.keys = {}  # (mount, name) -> {...}
        self.policies = {}  # name -> {glob of a path: [capabilities]}
        self.approles = {}  # role id -> {"secret", "policies", "ttl", "renewable", "uses"}
        self.issuers = {}  # kid -> public key
        self.jwt_roles = {}  # role -> {"sub", "aud", "policies", "ttl"}
        self.tokens = Tokens()

    # ---- admin ----

    def admin_seal(self, sealed=True):
        self.sealed = sealed
        return {}

    def admin_mount(self, path):
        self.mounts.add(path)
        return {}

    def admin_create(self, name, mount="transit", derived=False, kind="aes256-gcm96"):
        self.keys[mount, name] = {"type": kind, "derived": derived, "versions": {1: os.urandom(32)}, "latest": 1,
                                  "min_decryption_version": 1, "soft_deleted": False}
        return {}

    def admin_rotate(self, name, mount="transit"):
        key = self.keys[mount, name]
        key["latest"] += 1
        key["versions"][key["latest"]] = os.urandom(32)
        return {"version": key["latest"]}

    def admin_set(self, name, mount="transit", **what):
        self.keys[mount, name].update(what)
        return {}

    def admin_delete(self, name, mount="transit"):
        del self.keys[mount, name]
        return {}

    def admin_exists(self, name, mount="transit"):
        return {"exists": (mount, name) in self.keys}

    def admin_policy(self, name, paths):
        self.policies[name] = paths
        return {}

    def admin_token(self, token, policies, ttl=3600, renewable=True):
        self.tokens.known[token] = {"holder": policies, "until": time.time() + ttl if ttl else float("inf"), "ttl": ttl,
                                    "renewable": renewable}
        return {}

    def admin_approle(self, role, secret, policies, ttl=300, renewable=True):
        self.approles[role] = {"secret": secret, "policies": policies, "ttl": ttl, "renewable": renewable}
        return {}

    def admin_jwt(self, kid, public_key, role, sub, aud, policies, ttl=300):
        self.issuers[kid] = public_key
        self.jwt_roles[role] = {"sub": sub, "aud": aud, "policies": policies, "ttl": ttl}
        return {}

    def admin_revoke_all(self):
        self.tokens.known.clear()
        return {}

    # ---- log-in ----

    def authenticated(self, policies, ttl, renewable):
        token = "hvs." + self.tokens.issue(policies, ttl, ttl=ttl, renewable=renewable)
        self.tokens.known[token] = self.tokens.known.pop(token[4:])
        return 200, {"request_id": "r", "auth": {"client_token": token, "accessor": "a", "policies": policies,
                                                 "lease_duration": ttl, "renewable": renewable}, "data": None}, {}

    def login(self, request, method):
        body = request.json()
        if body is None:
            return errors(400, "failed to parse JSON input")
        if method == "approle":
            role = self.approles.get(body.get("role_id"))
            if role is None or role["secret"] != body.get("secret_id"):
                return errors(400, "invalid role or secret ID")
            return self.authenticated(role["policies"], role["ttl"], role["renewable"])
        role = self.jwt_roles.get(body.get("role"))
        if role is None:
            return errors(400, f'role "{body.get("role")}" could not be found')
        claims, reason = jwt_read(body.get("jwt", ""), self.issuers)
        if reason:
            return errors(400, "error validating token: error verifying token signature: no known key successfully "
                          "validated the token signature")
        now = time.time()
        if claims["exp"] + 60 < now:
            return errors(400, "error validating token: invalid expiration time (exp) claim: token is expired")
        if claims.get("iat", 0) > now + 60:
            return errors(400, "error validating token: invalid issued at (iat) claim: token is issued in the future")
        if claims.get("sub") != role["sub"] or role["aud"] not in claims.get("aud", []):
            return errors(400, "error validating claims: claim does not match the role's bound claims")
        return self.authenticated(role["policies"], role["ttl"], True)

    # ---- requests ----

    def handle(self, request):
        if not request.path.startswith("/v1/"):
            return None
        path = request.path[4:]
        if self.sealed:
            return errors(503, "Vault is sealed")
        match = re.fullmatch(r"auth/([a-z/]+)/login", path)
        if match and match[1] in ("approle", "kubernetes", "jwt"):
            return self.login(request, match[1])
        given = request.headers.get("X-Vault-Token")
        if not given:
            return errors(403, "permission denied")
        token = self.tokens.known.get(given)
        if token is None or token["until"] < time.time():
            return errors(403, INVALID)
        if path == "auth/token/renew-self":
            if not token["renewable"] or not token["ttl"]:
                return errors(400, "lease is not renewable")
            token["until"] = time.time() + token["ttl"]
            return 200, {"auth": {"client_token": given, "lease_duration": token["ttl"], "renewable": True,
                                  "policies": token["holder"]}, "data": None}, {}
        for mount in sorted(self.mounts, key=len, reverse=True):
            match = re.fullmatch(re.escape(mount) + r"/(keys|encrypt|decrypt)/([^/]+)", path)
            if match:
                return self.transit(request, token, path, mount, match[1], match[2])
        return errors(404, f'no handler for route "{path}". route entry not found.')

    def may(self, token, path, capability):
        return any(capability in caps for name in token["holder"] for glob, caps in self.policies.get(name, {}).items()
                   if fnmatch.fnmatchcase(path, glob))

    def transit(self, request, token, path, mount, verb, name):
        key = self.keys.get((mount, name))
        if verb == "keys":
            if not self.may(token, path, "read"):
                return errors(403, DENIED)
            if key is None:
                return errors(404)
            return 200, {"data": {"name": name, "type": key["type"], "derived": key["derived"], "latest_version":
                                  key["latest"], "min_decryption_version": key["min_decryption_version"],
                                  "supports_encryption": key["type"].startswith("aes"),
                                  "supports_decryption": key["type"].startswith("aes"),
                                  "soft_deleted": key["soft_deleted"]}}, {}
        if request.method not in ("POST", "PUT"):
            return errors(405, "1 error occurred:\n\t* unsupported operation\n\n")
        wanted = "create" if verb == "encrypt" and key is None else "update"
        if not self.may(token, path, wanted):
            return errors(403, DENIED)
        body = request.json()
        if body is None:
            return errors(400, "failed to parse JSON input")
        if key is None:
            if verb == "decrypt":
                return errors(400, "encryption key not found")
            self.admin_create(name, mount)
            key = self.keys[mount, name]
        if not key["type"].startswith("aes"):
            return errors(400, f"key type {key['type']} does not support {verb}ion")
        context = unb64(body.get("context", ""))
        if key["derived"] and not context:
            return errors(400, "missing 'context' for key derivation; the key was created using a derived key, which means "
                          "additional, per-request information must be included in order to perform operations with the key")
        return (self.encrypt if verb == "encrypt" else self.decrypt)(key, body, context)

    def cipher(self, key, version, context):
        secret = key["versions"][version]
        if key["derived"]:
            secret = HKDF(hashes.SHA256(), 32, None, context).derive(secret)
        return AESGCM(secret)

    def encrypt(self, key, body, context):
        data, aad = unb64(body.get("plaintext")), unb64(body.get("associated_data", ""))
        if data is None or aad is None:
            return errors(400, "failed to base64-decode plaintext")
        nonce = os.urandom(12)
        blob = nonce + self.cipher(key, key["latest"], context).encrypt(nonce, data, aad)
        return 200, {"request_id": "r", "data": {"ciphertext": f"vault:v{key['latest']}:{b64(blob)}",
                                                 "key_version": key["latest"]}, "warnings": None, "auth": None,
                     "mount_type": "transit"}, {}

    def decrypt(self, key, body, context):
        match = CIPHERTEXT.fullmatch(body.get("ciphertext", ""))
        if match is None:
            return errors(400, "invalid ciphertext: no prefix")
        version, blob, aad = int(match[1]), unb64(match[2]), unb64(body.get("associated_data", ""))
        if version not in key["versions"]:
            return errors(400, "invalid ciphertext: version is too new")
        if version < key["min_decryption_version"]:
            return errors(400, "ciphertext or signature version is disallowed by policy (too old)")
        try:
            data = self.cipher(key, version, context).decrypt(blob[:12], blob[12:], aad)
        except (InvalidTag, ValueError, TypeError):
            return errors(400, "cipher: message authentication failed")
        return 200, {"request_id": "r", "data": {"plaintext": b64(data)}, "warnings": None, "auth": None}, {}
