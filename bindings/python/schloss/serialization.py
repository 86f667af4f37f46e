"""SerializationContext, MessageField and base classes: those of confluent_kafka where it is installed, so that its
producers and consumers take our serializers; else our own of the same form."""
try:
    from confluent_kafka.serialization import (Deserializer, MessageField, SerializationContext, SerializationError,
                                               Serializer)
except ImportError:
    from enum import Enum

    class MessageField(str, Enum):
        """Which part of a message is serialized."""
        NONE = "none"
        KEY = "key"
        VALUE = "value"

        def __str__(self):
            return str(self.value)

    class SerializationContext:
        """Where a record goes to or comes from."""

        def __init__(self, topic, field, headers=None):
            self.topic = topic
            self.field = field
            self.headers = headers

    class SerializationError(Exception):
        """A record cannot be serialized or deserialized."""

    class Serializer:
        """What a serializer can be asked for."""
        __slots__ = ()

        def __call__(self, obj, ctx=None):
            raise NotImplementedError

        def set_cluster_id_resolver(self, resolver):
            """Accepted without effect: see subject.name.strategy.kafka.cluster.id."""

        def close(self):
            """Gives up what the serializer owns."""

    class Deserializer(Serializer):
        """What a deserializer can be asked for."""
        __slots__ = ()

__all__ = ["Deserializer", "MessageField", "SerializationContext", "SerializationError", "Serializer"]
