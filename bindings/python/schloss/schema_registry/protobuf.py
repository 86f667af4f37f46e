"""Protobuf: messages of google.protobuf's generated classes."""
import base64

from . import _objects
from .. import _conf
from .._errors import misuse

__all__ = ["ProtobufDeserializer", "ProtobufSerializer"]

# Imports that every registry knows.
BUILT_IN = ("google/protobuf/", "google/type/", "confluent/")


class _Given:
    """The application's message as a schema: its file's descriptor, as confluent_kafka registers it."""
    schema_type = "PROTOBUF"
    references = ()

    def __init__(self, file):
        others = [d.name for d in file.dependencies if not d.name.startswith(BUILT_IN)]
        self.schema_str = None if others else base64.b64encode(file.serialized_pb).decode()


def _take_deprecated(conf):
    """Keys of confluent_kafka that say how a schema is registered with its imports, which is not done here."""
    if conf.pop("use.deprecated.format", False):
        raise _conf.refuse("use.deprecated.format is no longer supported")
    conf.pop("skip.known.types", None)
    if conf.pop("reference.subject.name.strategy", None) is not None:
        raise _conf.refuse("reference.subject.name.strategy: imports are not registered",
                           "register the schema with its references, and set use.latest.version")


class ProtobufSerializer(_objects.ObjectSerializer):
    """Takes the arguments of confluent_kafka's ProtobufSerializer. An object is a message of msg_type, or bytes: such a
    message serialized already."""

    SCHEMA_TYPE = "PROTOBUF"
    NEEDS_SCHEMA = False

    def __init__(self, msg_type, schema_registry_client, conf=None, rule_conf=None, rule_registry=None):
        self._class = msg_type
        descriptor = msg_type.DESCRIPTOR
        given = _Given(descriptor.file)
        self._full_name = descriptor.full_name
        pinned = conf and any(conf.get(name) for name in self.PINNED)
        if given.schema_str is None and not pinned:
            raise misuse("UNSUPPORTED", "the file of %s imports others: the registry is not asked for them" %
                         self._full_name, "register the schema with its references, and set use.latest.version")
        super().__init__(schema_registry_client, None if pinned else given, None, conf, rule_conf, rule_registry)

    def _take(self, conf):
        _take_deprecated(conf)
        self._message = self._full_name
        super()._take(conf)

    def _record_name(self):
        return self._full_name

    def _encode(self, obj, made):
        if type(obj) is bytes:
            return obj
        if not isinstance(obj, self._class):
            raise ValueError("message must be of type %s not %s" % (self._class, type(obj)))
        return obj.SerializeToString()


class ProtobufDeserializer(_objects.ObjectDeserializer):
    """Takes the arguments of confluent_kafka's ProtobufDeserializer: returns messages of message_type."""

    NEEDS_SCHEMA = False

    def __init__(self, message_type, conf=None, schema_registry_client=None, rule_conf=None, rule_registry=None):
        if schema_registry_client is None:
            raise ValueError("schema_registry_client must be provided: rules come from the registry")
        self._class = message_type
        super().__init__(schema_registry_client, None, conf, rule_conf, rule_registry)

    def _take(self, conf):
        _take_deprecated(conf)
        super()._take(conf)

    def _decode(self, data, made, reader):
        try:
            return self._class.FromString(data)
        except Exception as e:  # DecodeError of whichever implementation google.protobuf uses
            raise misuse("DATA_MISMATCH", "the record is no message of %s" % self._class.DESCRIPTOR.full_name) from e
