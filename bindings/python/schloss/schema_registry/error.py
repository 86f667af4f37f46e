"""Where confluent_kafka has its SchemaRegistryError."""
from .._errors import SchemaRegistryError

__all__ = ["SchemaRegistryError"]
