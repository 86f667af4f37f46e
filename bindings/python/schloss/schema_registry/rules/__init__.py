"""Import paths of confluent_kafka.schema_registry.rules: executors and KMS drivers that applications register there are
part of libschloss."""
