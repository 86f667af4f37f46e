"""Azure Key Vault and the token endpoint of Entra ID: RSA-OAEP-256, versions, soft deletion, roles."""
import re
import secrets
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from tokens import Tokens, b64url, jwt_read, unb64url

TENANT = "11111111-2222-3333-4444-555555555555"
RESOURCE = "https://vault.azure.net"
# A vault names its own host in kid, which need not be the one that was asked.
HOST = "https://test-vault.vault.azure.net"
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
OPERATIONS = {"encrypt": "encrypt", "decrypt": "decrypt", "wrapkey": "wrapKey", "unwrapkey": "unwrapKey"}


def error(status, code, message, inner=None, headers=None):
    body = {"code": code, "message": message}
    if inner:
        body["innererror"] = {"code": inner}
    return status, {"error": body}, headers or {}


class Azure:
    def __init__(self, port):
        self.authority = f"https://localhost:{port}"
        self.tokens = Tokens()
        self.keys = {}  # name -> {"versions": {id: {...}}, "order": [id], "deleted": bool, "busy": bool}
        self.clients = {}  # id -> {"secret", "secret_expired", "actions", "lifetime"}
        self.issuers = {}  # kid -> public key that signs tokens of workloads
        self.identities = {}  # client id or "" -> actions of a managed identity

    # ---- admin ----

    def admin_client(self, client, secret, actions=("get", "encrypt", "decrypt"), expired=False, lifetime=3600):
        self.clients[client] = {"secret": secret, "secret_expired": expired, "actions": list(actions),
                                "lifetime": lifetime}
        return {}

    def admin_workload(self, client, kid, public_key, actions=("get", "encrypt", "decrypt")):
        self.clients[client] = {"secret": None, "secret_expired": False, "actions": list(actions), "lifetime": 3600}
        self.issuers[kid] = public_key
        return {}

    def admin_identity(self, client="", actions=("get", "encrypt", "decrypt")):
        self.identities[client] = list(actions)
        return {}

    def admin_create(self, name, kty="RSA", size=2048, key_ops=("encrypt", "decrypt", "wrapKey", "unwrapKey")):
        key = self.keys.setdefault(name.lower(), {"name": name, "versions": {}, "order": [], "deleted": False,
                                                  "busy": False})
        version = secrets.token_hex(16)
        private = (rsa.generate_private_key(65537, size) if kty.startswith("RSA")
                   else ec.generate_private_key(ec.SECP256R1()))
        key["versions"][version] = {"private": private, "kty": kty, "enabled": True, "key_ops": list(key_ops),
                                    "expired": False, "created": int(time.time())}
        key["order"].append(version)
        return {"version": version}

    def admin_set(self, name, version=None, **what):
        key = self.keys[name.lower()]
        if version is None:
            key.update(what)
        else:
            key["versions"][version].update(what)
        return {}

    def admin_purge_version(self, name, version):
        key = self.keys[name.lower()]
        del key["versions"][version]
        key["order"].remove(version)
        return {}

    def admin_expire_tokens(self):
        for token in self.tokens.known.values():
            token["until"] = time.time() - 1
        return {}

    # ---- tokens ----

    def token(self, request, tenant):
        form = request.form()
        if tenant != TENANT:
            return 400, {"error": "invalid_request", "error_description":
                         f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."}, {}
        client = self.clients.get(form.get("client_id"))
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type", "error_description": "AADSTS70003: unsupported grant."}, {}
        if client is None:
            return 400, {"error": "unauthorized_client", "error_description":
                         "AADSTS700016: Application was not found in the directory."}, {}
        if form.get("scope") != RESOURCE + "/.default":
            return 400, {"error": "invalid_resource", "error_description":
                         "AADSTS500011: The resource principal named " + form.get("scope", "") + " was not found."}, {}
        reason = self.why_not(client, form)
        if reason:
            return 401, {"error": "invalid_client", "error_description": reason}, {}
        lifetime = client["lifetime"]
        return 200, {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token":
                     self.tokens.issue(client["actions"], lifetime, audience=RESOURCE)}, {}

    def why_not(self, client, form):
        if "client_assertion" in form:
            if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
                return "AADSTS50027: unknown type of assertion."
            claims, reason = jwt_read(form["client_assertion"], self.issuers)
            if reason:
                return "AADSTS700027: The certificate or key that signed the assertion is not known: " + reason
            if not claims["iat"] - 300 <= time.time():
                return "AADSTS500133: Assertion is not within its valid time range."
            if time.time() >= claims["exp"]:
                return "AADSTS700024: Client assertion is not within its valid time range."
            if claims.get("aud") != "api://AzureADTokenExchange":
                return "AADSTS700212: No matching federated identity record found for presented assertion audience."
            return None
        if client["secret"] is None or form.get("client_secret") != client["secret"]:
            return "AADSTS7000215: Invalid client secret provided."
        if client["secret_expired"]:
            return "AADSTS7000222: The provided client secret keys for app are expired."
        return None

    def managed(self, request):
        """The metadata service of a machine, and the endpoint of an app service."""
        app = request.path == "/msi/token"
        if app and request.headers.get("X-IDENTITY-HEADER") != "test-identity-header":
            return 401, {"statusCode": 401, "message": "unauthorized"}, {}
        if not app and request.headers.get("Metadata") != "true":
            return 400, {"error": "invalid_request", "error_description": "Required metadata header not specified"}, {}
        actions = self.identities.get(request.query.get("client_id", ""))
        if actions is None:
            return 400, {"error": "invalid_request", "error_description": "Identity not found"}, {}
        token = self.tokens.issue(actions, 3600, audience=request.query.get("resource"))
        return 200, {"access_token": token, "expires_in": "3599", "expires_on": str(int(time.time()) + 3599),
                     "resource": request.query.get("resource"), "token_type": "Bearer"}, {}

    # ---- keys ----

    def handle(self, request):
        match = re.fullmatch(r"/([^/]+)/oauth2/v2.0/token", request.path)
        if match and request.method == "POST":
            return self.token(request, match[1])
        if request.path.endswith("/.well-known/openid-configuration"):
            base = self.authority + "/" + request.path.split("/")[1]
            return 200, {"token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/authorize",
                         "issuer": base + "/v2.0", "device_authorization_endpoint": base + "/devicecode"}, {}
        if request.path in ("/metadata/identity/oauth2/token", "/msi/token"):
            return self.managed(request)
        if request.path.startswith("/keys/"):
            return self.vault(request)
        return None

    def unauthorized(self, message):
        return error(401, "Unauthorized", message, headers={
            "WWW-Authenticate": f'Bearer authorization="{self.authority}/{TENANT}", resource="{RESOURCE}"'})

    def vault(self, request):
        token = self.tokens.of(request)
        if token is None:
            return self.unauthorized("AKV10000: Request is missing a Bearer or PoP token.")
        if token["until"] < time.time():
            return self.unauthorized("IDX10223: Lifetime validation failed. The token is expired.")
        if token["audience"] != RESOURCE:
            return self.unauthorized(f"AKV10022: Invalid audience. Expected {RESOURCE}, found: {token['audience']}.")
        if not re.fullmatch(r"7\.\d|20\d\d-\d\d-\d\d", request.query.get("api-version", "")):
            return error(400, "BadParameter", "The request URI contains an invalid api-version.")
        parts = request.path.split("/")[2:]
        actions = token["holder"]
        name, rest = parts[0], parts[1:]
        if rest and rest[-1] in OPERATIONS and request.method == "POST":
            return self.operate(request, actions, name, rest[0] if len(rest) == 2 else None, rest[-1])
        if request.method == "POST" and rest == ["create"]:
            body = request.json() or {}
            self.admin_create(name, body.get("kty", "RSA"), body.get("key_size") or 2048)
            return self.show(name, None)
        if request.method == "GET" and len(rest) <= 1:
            if "get" not in actions:
                return self.forbidden("get")
            return self.show(name, rest[0] if rest and rest[0] else None)
        return error(405, "MethodNotAllowed", "no such operation")

    def forbidden(self, action):
        return error(403, "Forbidden", "Caller is not authorized to perform action on resource.\r\nAction: "
                     f"'Microsoft.KeyVault/vaults/keys/{action}/action'", "ForbiddenByRbac")

    def find(self, name, version):
        """(key, version id, version) or an error."""
        key = self.keys.get(name.lower())
        wanted = version or (key["order"][-1] if key and key["order"] else None)
        if key is None or key["deleted"] or wanted not in key["versions"]:
            shown = name + ("/" + version if version else "")
            return error(404, "KeyNotFound", f"A key with (name/id) {shown} was not found in this key vault. If you recently "
                         "deleted this key you may be able to recover it using the correct recovery command.")
        if key["busy"]:
            return error(409, "Conflict", "There was a conflict with the key: it is currently being deleted.",
                         "ObjectIsBeingDeleted")
        return None, wanted, key["versions"][wanted]

    def show(self, name, version):
        bad, wanted, found = self.find(name, version)
        if bad:
            return bad, wanted, found
        jwk = {"kid": f"{HOST}/keys/{self.keys[name.lower()]['name']}/{wanted}", "kty": found["kty"],
               "key_ops": found["key_ops"]}
        numbers = found["private"].public_key().public_numbers()
        if found["kty"].startswith("RSA"):
            jwk["n"] = b64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))
            jwk["e"] = b64url(numbers.e.to_bytes(3, "big"))
        else:
            jwk.update(crv="P-256", x=b64url(numbers.x.to_bytes(32, "big")), y=b64url(numbers.y.to_bytes(32, "big")))
        return 200, {"key": jwk, "attributes": {
            "enabled": found["enabled"], "exportable": False, "created": found["created"], "updated": found["created"],
            "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}}, {}

    def operate(self, request, actions, name, version, operation):
        action = OPERATIONS[operation]
        if action not in actions:
            return self.forbidden(action)
        bad, wanted, found = self.find(name, version)
        if bad:
            return bad, wanted, found
        if not found["enabled"]:
            return error(403, "Forbidden", "Operation is not allowed on a disabled key.", "KeyDisabled")
        if found["expired"] and operation in ("encrypt", "wrapkey"):
            return error(403, "Forbidden", "Operation encrypt is not allowed on an expired key.", "KeyExpired")
        if action not in found["key_ops"]:
            return error(403, "Forbidden", f"Operation {action} is not permitted on this key.", "KeyOperationForbidden")
        body = request.json()
        value = unb64url(body.get("value")) if body else None
        if value is None:
            return error(400, "BadParameter", "Property value has an invalid value.")
        if not found["kty"].startswith("RSA"):
            return error(400, "BadParameter", f"Operation {action} is not supported for key type {found['kty']}.")
        if body.get("alg") != "RSA-OAEP-256":
            return error(400, "BadParameter", "Property alg has an invalid value.")
        try:
            private = found["private"]
            out = (private.public_key().encrypt(value, OAEP) if operation in ("encrypt", "wrapkey")
                   else private.decrypt(value, OAEP))
        except ValueError:
            return error(400, "BadParameter", "The parameter is incorrect.")
        return 200, {"kid": f"{HOST}/keys/{self.keys[name.lower()]['name']}/{wanted}", "value": b64url(out)}, {}
