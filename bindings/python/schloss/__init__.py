"""Client-side encryption for Apache Kafka: serializers and deserializers over libschloss.

An application of confluent_kafka.schema_registry changes its imports to schloss.schema_registry and runs; see
docs/python.md for what differs. The names most wanted are here as well.
"""
try:
    from ._native import ffi as _ffi, lib as _lib
except ImportError as e:
    if "libschloss" not in str(e):
        raise
    raise ImportError("%s: install libschloss, or name the folder that holds it in LD_LIBRARY_PATH" % e) from None
from ._errors import ConfigError, SchemaRegistryError, SchlossError, SerializationError
from ._serde import Deserializer, Serializer
from .schema_registry import SchemaRegistryClient
from .serialization import MessageField, SerializationContext

__all__ = ["ConfigError", "Deserializer", "MessageField", "SchemaRegistryClient", "SchemaRegistryError", "SchlossError",
           "SerializationContext", "SerializationError", "Serializer", "library_version", "metric"]


def library_version():
    """Version of the libschloss that was loaded."""
    return _ffi.string(_lib.schloss_version()).decode()


def metric(name):
    """A counter of the process, e.g. "encryptions" (docs/metrics.md); 0 for an unknown name."""
    return _lib.schloss_metric_get(name.encode())
