"""People on a topic, their social security numbers encrypted by the subject's rules.

    people.py BOOTSTRAP REGISTRY TOPIC produce COUNT
    people.py BOOTSTRAP REGISTRY TOPIC consume COUNT

The schema is in the registry, with a rule that encrypts what is tagged PII. This program runs with the official client
as it stands, and with Schloss when `confluent_kafka.schema_registry` is `schloss.schema_registry` in its imports: the
tests run both. The local KMS is for trying things out: its secret comes from LOCAL_SECRET.
"""
import os
import sys

from confluent_kafka import DeserializingConsumer, SerializingProducer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import FieldEncryptionExecutor
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import StringDeserializer, StringSerializer


class Person:
    def __init__(self, name, ssn):
        self.name, self.ssn = name, ssn


def person_to_dict(person, ctx):
    return {"name": person.name, "ssn": person.ssn}


def dict_to_person(values, ctx):
    return Person(values["name"], values["ssn"])


def produce(bootstrap, client, rules, topic, count):
    serializer = AvroSerializer(client, None, person_to_dict,
                                {"auto.register.schemas": False, "use.latest.version": True}, rule_conf=rules)
    producer = SerializingProducer({"bootstrap.servers": bootstrap, "key.serializer": StringSerializer("utf_8"),
                                    "value.serializer": serializer})
    for i in range(count):
        producer.produce(topic, key="person%d" % i, value=Person("Person %d" % i, "123-45-%04d" % i))
    producer.flush(30)


def consume(bootstrap, client, rules, topic, count):
    consumer = DeserializingConsumer({
        "bootstrap.servers": bootstrap, "group.id": "people", "auto.offset.reset": "earliest",
        "key.deserializer": StringDeserializer("utf_8"),
        "value.deserializer": AvroDeserializer(client, None, dict_to_person, rule_conf=rules)})
    consumer.subscribe([topic])
    while count > 0:
        message = consumer.poll(1)
        if message is not None and not message.error():
            print(message.key(), message.value().name, message.value().ssn, flush=True)
            count -= 1
    consumer.close()


def main():
    bootstrap, registry, topic, verb, count = sys.argv[1:]
    FieldEncryptionExecutor.register()
    LocalKmsDriver.register()
    client = SchemaRegistryClient({"url": registry})
    rules = {"secret": os.environ["LOCAL_SECRET"]}
    {"produce": produce, "consume": consume}[verb](bootstrap, client, rules, topic, int(count))


main()
