"""What the doubles share: access tokens that are random texts, JWTs with RS256, base64 in both alphabets."""
import base64
import binascii
import json
import secrets
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    """Strict: None when it is not standard base64 with padding."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    """Strict: None when there is padding or a foreign character."""
    if not isinstance(text, str) or set(text) & set("+/=") or len(text) % 4 == 1:
        return None
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


class Tokens:
    """Access tokens: who holds one, for what, until when."""

    def __init__(self):
        self.known = {}

    def issue(self, holder, seconds, **more):
        token = "test-" + secrets.token_urlsafe(24)
        self.known[token] = {"holder": holder, "until": time.time() + seconds, **more}
        return token

    def of(self, request, header="Authorization", prefix="Bearer "):
        value = request.headers.get(header, "")
        return self.known.get(value[len(prefix):]) if value.startswith(prefix) else None


def jwt_read(text, keys):
    """(claims, reason): claims of a JWT signed by one of the PEM public keys {kid: pem}; no look at its times."""
    try:
        head, body, signature = text.split(".")
        header, claims = json.loads(unb64url(head)), json.loads(unb64url(body))
        if header["alg"] != "RS256":
            return None, "alg is not RS256"
        pem = keys.get(header.get("kid"))
        if pem is None:
            return None, "kid is unknown"
        serialization.load_pem_public_key(pem.encode()).verify(
            unb64url(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return claims, None
    except InvalidSignature:
        return None, "signature is wrong"
    except (ValueError, KeyError, TypeError):
        return None, "it is malformed"


def jwt_make(private_key, kid, claims):
    head = b64url(json.dumps({"alg": "RS256", "typ": "JWT", "kid": kid}).encode())
    text = head + "." + b64url(json.dumps(claims).encode())
    return text + "." + b64url(private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))
