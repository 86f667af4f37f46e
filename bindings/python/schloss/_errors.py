"""Errors of the library as exceptions. They carry what the library's error object says; never plaintext or keys."""
from ._native import ffi, lib
from .serialization import SerializationError

__all__ = ["ConfigError", "SchemaRegistryError", "SchlossError", "SerializationError", "error_of", "misuse"]


def _text(cdata):
    return ffi.string(cdata).decode("utf-8", "replace") if cdata else ""


class SchlossError(SerializationError):
    """A call of libschloss failed.

    code      number of SCHLOSS_E_... (error_codes.h)
    name      its name, e.g. "AUTH_FAILED"; category, e.g. "CRYPTO"
    message   what failed; hint: what to do
    subject, field, kek, rule, url    of what it speaks, "" where unknown
    http_status, rest_code            of a registry's or KMS's answer, 0 without one
    retriable                         the same call may succeed later
    """

    def __init__(self, name, message, hint="", code=0, category="USAGE", **more):
        super().__init__("%s: %s%s" % (name, message, " (hint: %s)" % hint if hint else ""))
        self.code = code
        self.name = name
        self.category = category
        self.message = message
        self.hint = hint
        self.subject = more.get("subject", "")
        self.field = more.get("field", "")
        self.kek = more.get("kek", "")
        self.rule = more.get("rule", "")
        self.url = more.get("url", "")
        self.http_status = more.get("http_status", 0)
        self.rest_code = more.get("rest_code", 0)
        self.retriable = more.get("retriable", False)

    def __str__(self):
        return str(self.args[0])


class ConfigError(SchlossError, ValueError):
    """A configuration key is unknown, malformed or missing."""


class SchemaRegistryError(SchlossError):
    """A registry lacks what was asked for or answered with an error; the attributes are those of confluent_kafka's class
    of this name, too."""

    @property
    def http_status_code(self):
        return self.http_status or (404 if self.name.endswith("_NOT_FOUND") else 0)

    @property
    def error_code(self):
        return self.rest_code

    @property
    def error_message(self):
        return self.message


def error_of(err, rc=0):
    """The exception for a filled error object; rc where the call gave a code and no object."""
    code = lib.schloss_error_code(err) or rc
    category = _text(lib.schloss_rc_category(code))
    status = lib.schloss_error_http_status(err)
    kind = ConfigError if category == "CONFIG" else SchlossError
    name = _text(lib.schloss_rc_name(code))
    if category in ("REGISTRY", "IDENTITY") or name == "SCHEMA_NOT_FOUND":
        kind = SchemaRegistryError
    return kind(name, _text(lib.schloss_error_message(err)) or
                _text(lib.schloss_rc_text(code)), _text(lib.schloss_error_hint(err)), code, category,
                subject=_text(lib.schloss_error_subject(err)), field=_text(lib.schloss_error_field(err)),
                kek=_text(lib.schloss_error_kek(err)), rule=_text(lib.schloss_error_rule(err)),
                url=_text(lib.schloss_error_url(err)), http_status=status,
                rest_code=lib.schloss_error_rest_code(err), retriable=bool(lib.schloss_error_is_retriable(err)))


def misuse(name, message, hint="", kind=SchlossError):
    """An error that the binding itself finds, in the library's terms."""
    code = getattr(lib, "SCHLOSS_E_" + name)
    return kind(name, message, hint, code, _text(lib.schloss_rc_category(code)))
