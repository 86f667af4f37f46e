"""Google Cloud KMS over REST with checksums, versions and states, and where its tokens come from: self-signed JWTs of
service accounts, the token endpoints of a login and of workload identity, the metadata server."""
import os
import re
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tokens import Tokens, b64, jwt_read, unb64

NAME = re.compile(r"/v1/(projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/:]+)(/cryptoKeyVersions/\d+)?"
                  r":(encrypt|decrypt)")
SCOPES = {"https://www.googleapis.com/auth/cloudkms", "https://www.googleapis.com/auth/cloud-platform"}
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SKEW = 300


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 3808858755


def error(code, status, message, details=None):
    body = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = [details]
    return code, {"error": body}, {}


def unauthenticated(message, reason):
    return error(401, "UNAUTHENTICATED", message, {"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                                                   "reason": reason, "domain": "googleapis.com"})


class Google:
    location = "europe-west3"

    def __init__(self):
        self.keys = {}  # name -> {"purpose", "primary": n, "versions": {n: {"secret", "state"}}}
        self.accounts = {}  # email -> {"keys": {kid: pem}, "may": bool}
        self.logins = {}  # refresh token -> {"client", "secret", "may", "expired"}
        self.issuers = {}  # kid -> public key that signs tokens of workloads
        self.machine = None  # may the machine's account use the keys? None: it has none
        self.tokens = Tokens()

    # ---- admin ----

    def admin_create(self, name, purpose="ENCRYPT_DECRYPT"):
        self.keys[name] = {"purpose": purpose, "primary": 1, "versions": {}}
        return self.admin_rotate(name)

    def admin_rotate(self, name):
        key = self.keys[name]
        number = len(key["versions"]) + 1
        key["versions"][number] = {"secret": os.urandom(32), "state": "ENABLED"}
        key["primary"] = number
        return {"version": number}

    def admin_state(self, name, version, state):
        self.keys[name]["versions"][version]["state"] = state
        return {}

    def admin_account(self, email, kid, public_key, may=True):
        self.accounts[email] = {"keys": {kid: public_key} if kid else {}, "may": may}
        return {}

    def admin_login(self, refresh_token, client, secret, may=True, expired=False):
        self.logins[refresh_token] = {"client": client, "secret": secret, "may": may, "expired": expired}
        return {}

    def admin_workload(self, kid, public_key):
        self.issuers[kid] = public_key
        return {}

    def admin_machine(self, may=True):
        self.machine = may
        return {}

    def admin_expire_tokens(self):
        for token in self.tokens.known.values():
            token["until"] = 0
        return {}

    # ---- who asks ----

    def holder(self, request):
        """(may use the keys, error)"""
        value = request.headers.get("Authorization", "")
        if not value.startswith("Bearer "):
            return None, unauthenticated("Request is missing required authentication credential.", "CREDENTIALS_MISSING")
        token = self.tokens.of(request)
        if token is not None:
            if token["until"] < time.time():
                return None, unauthenticated("Request had invalid authentication credentials.", "ACCESS_TOKEN_EXPIRED")
            return token["holder"], None
        keys = {kid: pem for account in self.accounts.values() for kid, pem in account["keys"].items()}
        claims, reason = jwt_read(value[7:], keys)
        if reason:
            return None, unauthenticated("Request had invalid authentication credentials.", "ACCESS_TOKEN_TYPE_UNSUPPORTED")
        account = self.accounts.get(claims.get("iss"))
        scopes = set(claims.get("scope", "").split())
        fits = scopes & SCOPES or claims.get("aud") == "https://cloudkms.googleapis.com/"
        if account is None or claims.get("sub") != claims["iss"] or not fits:
            return None, unauthenticated("Request had invalid authentication credentials.", "ACCOUNT_STATE_INVALID")
        now = time.time()
        if claims["iat"] > now + SKEW or claims["exp"] < now or claims["exp"] - claims["iat"] > 3600:
            return None, unauthenticated("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                                         "timeframe. Check your iat and exp values in the JWT claim.", "JWT_TIMES")
        return account["may"], None

    def login(self, request):
        form = request.form()
        login = self.logins.get(form.get("refresh_token"))
        if form.get("grant_type") != "refresh_token" or login is None or form.get("client_id") != login["client"]:
            return 400, {"error": "invalid_grant", "error_description": "Bad Request"}, {}
        if form.get("client_secret") != login["secret"]:
            return 401, {"error": "invalid_client", "error_description": "Unauthorized"}, {}
        if login["expired"]:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, {}
        return 200, {"access_token": self.tokens.issue(login["may"], 3599), "expires_in": 3599,
                     "token_type": "Bearer"}, {}

    def exchange(self, request):
        form = request.form() or request.json() or {}
        if (form.get("grant_type") != EXCHANGE or form.get("audience") != "//iam.googleapis.com/test-pool"
                or form.get("subject_token_type") != "urn:ietf:params:oauth:token-type:jwt"):
            return 400, {"error": "invalid_request", "error_description": "Invalid value for audience or grant_type."}, {}
        claims, reason = jwt_read(form.get("subject_token", ""), self.issuers)
        if reason:
            return 400, {"error": "invalid_grant", "error_description": "The ID token is not trusted: " + reason}, {}
        if claims["exp"] < time.time():
            return 400, {"error": "invalid_grant", "error_description": "The ID token is expired."}, {}
        token = self.tokens.issue(True, 3600, federated=True)
        return 200, {"access_token": token, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                     "token_type": "Bearer", "expires_in": 3600}, {}

    def impersonate(self, request):
        token = self.tokens.of(request)
        if token is None or not token.get("federated"):
            return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if not set((request.json() or {}).get("scope", [])) & SCOPES:
            return error(400, "INVALID_ARGUMENT", "Scope required.")
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return 200, {"accessToken": self.tokens.issue(True, 3600), "expireTime": until}, {}

    # ---- keys ----

    def handle(self, request):
        if request.path == "/google/token" and request.method == "POST":
            return self.login(request)
        if request.path == "/google/sts" and request.method == "POST":
            return self.exchange(request)
        if request.path == "/google/impersonate" and request.method == "POST":
            return self.impersonate(request)
        if request.path.startswith("/computeMetadata/"):
            if request.headers.get("Metadata-Flavor") != "Google":
                return 403, {"error": "missing Metadata-Flavor"}, {}
            if self.machine is None:
                return 404, {"error": "no service account"}, {}
            return 200, {"access_token": self.tokens.issue(self.machine, 3600), "expires_in": 3599,
                         "token_type": "Bearer"}, {"Metadata-Flavor": "Google"}
        match = NAME.fullmatch(request.path)
        if match and request.method == "POST":
            return self.operate(request, match[1], match[2], match[4])
        return None

    def operate(self, request, name, location, operation):
        may, bad = self.holder(request)
        if bad:
            return bad
        if location != self.location and location != "global":
            return error(400, "INVALID_ARGUMENT", f"The request concerns location '{location}' but was sent to location "
                         f"'{self.location}'. Either Cloud KMS is not available in '{location}' or the request was misrouted.")
        if not may:
            return error(403, "PERMISSION_DENIED", "Permission 'cloudkms.cryptoKeyVersions.useTo"
                         f"{operation.capitalize()}' denied on resource '{name}' (or it may not exist).")
        key = self.keys.get(name)
        if key is None:
            return error(404, "NOT_FOUND", f"CryptoKey {name} not found.")
        if key["purpose"] != "ENCRYPT_DECRYPT":
            return error(400, "FAILED_PRECONDITION", f"{name} has purpose: {key['purpose']}, which does not support this.")
        body = request.json()
        if body is None:
            return error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        data, bad = self.field(body, "plaintext" if operation == "encrypt" else "ciphertext")
        aad, worse = self.field(body, "additionalAuthenticatedData")
        if bad or worse:
            return bad or worse
        return self.encrypt(key, name, body, data, aad) if operation == "encrypt" else self.decrypt(key, name, data, aad)

    def field(self, body, name):
        data = unb64(body.get(name, ""))
        if data is None:
            return None, error(400, "INVALID_ARGUMENT", f"Invalid value at '{name}' (TYPE_BYTES), Base64 decoding failed.")
        given = body.get(name + "Crc32c")
        if given is not None and int(given) != crc32c(data):
            return None, error(400, "INVALID_ARGUMENT", f"The checksum in field {name}_crc32c did not match the data in "
                               f"field {name}.")
        return data, None

    def version(self, key, name, number):
        version = key["versions"][number]
        if version["state"] != "ENABLED":
            kind = {"DISABLED": "KEY_DISABLED", "DESTROYED": "KEY_DESTROYED"}.get(version["state"], "KEY_" + version["state"])
            return None, error(400, "FAILED_PRECONDITION", f"{name}/cryptoKeyVersions/{number} is not enabled, current state "
                               f"is: {version['state']}.", {"@type": "type.googleapis.com/google.rpc.PreconditionFailure",
                                                            "violations": [{"type": kind, "subject": name}]})
        return version, None

    def encrypt(self, key, name, body, data, aad):
        version, bad = self.version(key, name, key["primary"])
        if bad:
            return bad
        nonce = os.urandom(12)
        full = f"{name}/cryptoKeyVersions/{key['primary']}"
        blob = (b"\x0a\x24" + key["primary"].to_bytes(2, "big") + nonce
                + AESGCM(version["secret"]).encrypt(nonce, data, name.encode() + b"\0" + aad))
        return 200, {"name": full, "ciphertext": b64(blob), "ciphertextCrc32c": str(crc32c(blob)),
                     "verifiedPlaintextCrc32c": "plaintextCrc32c" in body,
                     "verifiedAdditionalAuthenticatedDataCrc32c": "additionalAuthenticatedDataCrc32c" in body,
                     "protectionLevel": "SOFTWARE"}, {}

    def decrypt(self, key, name, blob, aad):
        number = int.from_bytes(blob[2:4], "big")
        if blob[:2] != b"\x0a\x24" or number not in key["versions"]:
            return error(400, "INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.")
        version, bad = self.version(key, name, number)
        if bad:
            return bad
        try:
            data = AESGCM(version["secret"]).decrypt(blob[4:16], blob[16:], name.encode() + b"\0" + aad)
        except (InvalidTag, ValueError):
            return error(400, "INVALID_ARGUMENT",
                         "Decryption failed: verify that 'name' refers to the correct CryptoKey.")
        return 200, {"plaintext": b64(data), "plaintextCrc32c": str(crc32c(data)),
                     "usedPrimary": number == key["primary"], "protectionLevel": "SOFTWARE"}, {}
