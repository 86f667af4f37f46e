"""What applications import from confluent_kafka.schema_registry: SchemaRegistryClient and the names around it.

The client's own work is the connection, the caches and the keys behind serializers and deserializers. Methods that manage
the registry (register_schema, get_latest_version ...) are passed on to confluent_kafka's client where that is installed;
so are its data classes (Rule, RuleSet, Metadata ...).
"""
import threading

from .. import _conf, _dead_letter
from .._errors import SchemaRegistryError, error_of, misuse
from .._native import ffi, lib

__all__ = ["Schema", "SchemaReference", "SchemaRegistryClient", "SchemaRegistryError", "dual_schema_id_deserializer",
           "header_schema_id_serializer", "prefix_schema_id_deserializer", "prefix_schema_id_serializer",
           "record_subject_name_strategy", "topic_record_subject_name_strategy", "topic_subject_name_strategy"]

_OWN = ("Schema", "SchemaReference")


class SchemaRegistryClient:
    """The client of libschloss: one per process and registry, shared by serializers, deserializers and threads.

    conf   keys of confluent_kafka's SchemaRegistryClient ("url", "basic.auth.user.info", "ssl.ca.location" ...) and of
           the library (docs/configuration.md). An unknown key raises ConfigError, which names the nearest one.
    No request is sent. A forked child may go on with it.
    """

    def __init__(self, conf):
        self._ptr = None
        self._config = conf
        self._management = None
        self._lock = threading.Lock()
        made = _conf.Conf(_conf.client_items(conf))
        err = ffi.gc(lib.schloss_error_new(), lib.schloss_error_free)
        client = lib.call_client(made.ptr, err)
        if not client:
            raise error_of(err, lib.SCHLOSS_E_NO_MEMORY)
        self._ptr = ffi.gc(client, lib.schloss_client_free)

    def config(self):
        """The dict that it was made with."""
        return self._config

    def set_dead_letter_sink(self, function):
        """Once, before the first record: function(topic, key, value, headers) sends the letter of a record whose rule
        failed under the action DLQ, for example with a Producer. It runs in the thread of the record, which fails
        either way. The topic is rule_conf's "dlq.topic" or the rule's parameter of that name."""
        _dead_letter.set_sink(self._open_ptr(), function)

    def _open_ptr(self):
        ptr = self._ptr
        if ptr is None:
            raise misuse("INVALID_STATE", "the SchemaRegistryClient is closed")
        return ptr

    def invalidate(self):
        """Drops every cached schema and key: calls that begin afterwards ask the registry again."""
        client = self._ptr
        if client is not None:
            lib.schloss_client_invalidate(client)

    clear_caches = invalidate

    def close(self):
        """Gives up the client; keys are wiped when the last serializer or deserializer is gone, too."""
        self._ptr = None
        if self._management is not None and hasattr(self._management, "close"):
            self._management.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        with self._lock:
            if self._management is None:
                try:
                    from confluent_kafka.schema_registry import SchemaRegistryClient as Official
                except ImportError:
                    raise AttributeError("SchemaRegistryClient.%s needs confluent-kafka[schemaregistry]; the command "
                                         "`schloss schema` manages schemas, too" % name) from None
                self._management = Official(self._config)
        return getattr(self._management, name)


class _Schema:
    """A schema as an application gives it."""

    def __init__(self, schema_str, schema_type="AVRO", references=None, metadata=None, rule_set=None):
        self.schema_str = schema_str
        self.schema_type = schema_type
        self.references = references or []
        self.metadata = metadata
        self.rule_set = rule_set


class _SchemaReference:
    """Name under which a schema refers to a version of a subject."""

    def __init__(self, name, subject, version):
        self.name = name
        self.subject = subject
        self.version = version


def __getattr__(name):
    """Data classes: confluent_kafka's, loaded when asked for; Schema and SchemaReference also without it."""
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        from confluent_kafka import schema_registry as official
    except ImportError:
        if name not in _OWN:
            raise AttributeError("schloss.schema_registry.%s needs confluent-kafka[schemaregistry]" % name) from None
        return _Schema if name == "Schema" else _SchemaReference
    return getattr(official, name)


# ---- words for the configuration: the library does what they name ----

def topic_subject_name_strategy(ctx, record_name):
    """TOPIC: topic-value or topic-key."""
    return "%s-%s" % (ctx.topic, ctx.field)


def topic_record_subject_name_strategy(ctx, record_name):
    """TOPIC_RECORD: topic-record."""
    return None if record_name is None else "%s-%s" % (ctx.topic, record_name)


def record_subject_name_strategy(ctx, record_name):
    """RECORD: the record's full name."""
    return record_name


def prefix_schema_id_serializer(payload, ctx, schema_id):
    """For schema.id.serializer: the schema's id in front of the value."""
    raise TypeError("a name for the configuration, not to be called")


def header_schema_id_serializer(payload, ctx, schema_id):
    """For schema.id.serializer: the schema's GUID in a header of the record."""
    raise TypeError("a name for the configuration, not to be called")


def dual_schema_id_deserializer(payload, ctx, schema_id):
    """For schema.id.deserializer: from the header, else from in front of the value."""
    raise TypeError("a name for the configuration, not to be called")


def prefix_schema_id_deserializer(payload, ctx, schema_id):
    """For schema.id.deserializer: from in front of the value."""
    raise TypeError("a name for the configuration, not to be called")
