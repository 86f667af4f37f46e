"""Configuration: the keys of confluent_kafka.schema_registry become those of the library (docs/configuration.md).

Only names and forms are translated here. Keys that are not in these tables go to the library as they are: its own keys
work too, and an unknown one is refused there with the nearest name.
"""
from urllib.parse import urlsplit

from ._errors import ConfigError, error_of, misuse
from ._native import ffi, lib

# Of the client: name in confluent_kafka -> names in the library.
CLIENT = {
    "url": ("schema.registry.url",),
    "cache.capacity": ("latest.cache.size", "max.schemas.per.subject"),
    "cache.latest.ttl.sec": ("latest.cache.ttl.sec",),
    "bearer.auth.issuer.endpoint.query": ("bearer.auth.uami.endpoint.query",),
}
STRATEGIES = {"topic_subject_name_strategy": "TOPIC", "record_subject_name_strategy": "RECORD",
              "topic_record_subject_name_strategy": "TOPIC_RECORD"}
FRAMINGS = {"prefix_schema_id_serializer": "PrefixSchemaIdSerializer",
            "header_schema_id_serializer": "HeaderSchemaIdSerializer",
            "prefix_schema_id_deserializer": "PrefixSchemaIdDeserializer",
            "dual_schema_id_deserializer": "DualSchemaIdDeserializer"}


def refuse(message, hint=""):
    return misuse("CONF_VALUE", message, hint, ConfigError)


def text(name, value):
    """A value as the library reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return ",".join("%s=%s" % item for item in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(str(v) for v in value)
    if isinstance(value, bytes):
        return value.decode()
    if callable(value):
        raise refuse("%s cannot be a callable here" % name)
    return str(getattr(value, "value", value))


def known(function, table):
    """Name of one of confluent_kafka's own functions (or ours of that name), else None."""
    name = getattr(function, "__name__", None)
    module = getattr(function, "__module__", None) or ""
    return table.get(name) if module.split(".")[0] in ("confluent_kafka", "schloss") else None


def client_items(conf):
    """(name, value) pairs of the library for a SchemaRegistryClient's dict."""
    if not isinstance(conf, dict):
        raise TypeError("the configuration must be a dict")
    if conf.get("url") is None and conf.get("schema.registry.url") is None:
        raise misuse("CONF_MISSING", "Missing required configuration property url", kind=ConfigError)
    for name, value in conf.items():
        if value is None:
            continue
        if name == "url" and not isinstance(value, str):
            raise TypeError("url must be a str, not " + str(type(value)))
        if name == "ssl.ca.location" and value is False:
            raise refuse("ssl.ca.location=False: the registry's certificate is always checked",
                         "name a PEM file of the CAs to trust")
        if name == "basic.auth.user.info":
            yield "basic.auth.credentials.source", "USER_INFO"
        if name == "timeout":
            for key in ("http.connect.timeout.ms", "http.read.timeout.ms"):
                yield key, str(int(float(value) * 1000))
        elif name == "proxy":
            parts = urlsplit(value if "//" in value else "http://" + value)
            if parts.scheme != "http" or parts.username or not parts.hostname:
                raise refuse("proxy %r is not of the form http://host:port" % value)
            yield "proxy.host", parts.hostname
            if parts.port:
                yield "proxy.port", str(parts.port)
        elif name == "bearer.auth.issuer.endpoint.url" and "AZURE" in str(conf.get("bearer.auth.credentials.source")):
            yield "bearer.auth.uami.endpoint.url", text(name, value)
        else:
            for key in CLIENT.get(name, (name,)):
                yield key, text(name, value)


def serde_items(conf, rule_conf):
    """(name, value) pairs for a serializer or deserializer; what the binding itself reads was taken out of conf."""
    for name, value in (rule_conf or {}).items():
        if value is not None:
            family = "rule.actions._DLQ_.param." if name.startswith("dlq.") else "rule.executors._default_.param."
            yield name if name.startswith(("rule.", "schloss.")) else family + name, text(name, value)
    for name, value in conf.items():
        if value is None:
            continue
        if name in ("schema.id.serializer", "schema.id.deserializer"):
            framing = known(value, FRAMINGS) if callable(value) else value
            if framing is None:
                raise refuse("%s: a function of the application's own is not supported" % name,
                             "use one of " + ", ".join(f for f in FRAMINGS if f.endswith(name.split(".")[-1])))
            yield "key." + name, framing
            yield "value." + name, framing
        elif name == "subject.name.strategy.type":
            kind = text(name, value).upper()
            yield "key.subject.name.strategy", kind
            yield "value.subject.name.strategy", kind
        elif name == "subject.name.strategy.conf":
            for key, inner in value.items():
                yield key, text(key, inner)
        else:
            yield name, text(name, value)


class Conf:
    """Owns a schloss_conf_t, which wipes the secrets in it when it is freed."""

    def __init__(self, items):
        self.ptr = ffi.gc(lib.schloss_conf_new(), lib.schloss_conf_free)
        err = ffi.gc(lib.schloss_error_new(), lib.schloss_error_free)
        if not self.ptr or not err:
            raise MemoryError("libschloss: no memory for a configuration")
        for name, value in items:
            if "\0" in name or "\0" in value:
                raise refuse("the value of %r has a NUL in it" % name)
            rc = lib.schloss_conf_set(self.ptr, name.encode(), value.encode(), err)
            if rc:
                raise error_of(err, rc)
