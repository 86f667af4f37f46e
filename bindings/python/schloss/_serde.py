"""Serializer and Deserializer: bytes of a record in its format to and from what lies on the topic. The classes of the
three formats add the conversion of objects.

Handles of the library serve one call at a time. A Python object keeps idle ones in a list: a call takes one out and puts
it back when its result is copied, so that threads, callbacks and finalizers never share one, and there are as many as
calls ever ran at once. The client behind them, with its caches of schemas and keys, is shared. cffi releases the
interpreter lock during each call of the library.

Results are copied into Python bytes, which are freed without being wiped: a decrypted record stays in the process's
memory until that memory is used again.
"""
from . import _conf
from ._errors import error_of, misuse
from ._native import ffi, lib
from .serialization import Deserializer as _BaseDeserializer, Serializer as _BaseSerializer

NULL = ffi.NULL
unpack = ffi.unpack
from_buffer = ffi.from_buffer
NAMES_MAX = 10000  # topics and subjects remembered as C strings


def to_bytes(data):
    """Bytes that nobody can change while the library reads them without the interpreter lock."""
    return data if type(data) is bytes else bytes(data)


class Pool:
    """What serializers and deserializers have in common."""

    def __init__(self, client, conf, rule_conf, rule_registry):
        if not hasattr(client, "_open_ptr"):
            raise TypeError("schema_registry_client must be a schloss.schema_registry.SchemaRegistryClient, not %s" %
                            type(client).__name__)
        if rule_registry is not None:
            raise misuse("UNSUPPORTED", "rule_registry: rule executors written in Python are not run",
                         "leave it out; encryption is built in")
        self._client = client
        self._names = {}
        self._idle = []
        conf = dict(conf or {})
        self._subject_of = self._strategy(conf)
        self._take(conf)
        self._conf = _conf.Conf(_conf.serde_items(conf, rule_conf))
        self._idle.append(self._new())

    def _take(self, conf):
        """Takes out what the binding itself reads."""

    def _strategy(self, conf):
        """A function of the application's own that names subjects; None where the library does."""
        function = conf.pop("subject.name.strategy", None)
        if function is None:
            return None
        kind = _conf.STRATEGIES.get(function) if isinstance(function, str) else _conf.known(function, _conf.STRATEGIES)
        if type(function).__name__ == "AssociatedNameStrategy":
            kind = "ASSOCIATED"
        if kind is not None:
            conf["subject.name.strategy.type"] = kind
            return None
        if not callable(function):
            raise _conf.refuse("subject.name.strategy must be callable")
        return function

    def _open(self, make):
        client = self._client._open_ptr()  # this reference keeps it alive, also when another thread closes the client
        err = ffi.gc(lib.schloss_error_new(), lib.schloss_error_free)
        call = make(client, self._conf.ptr, err)
        if not call:
            raise error_of(err, lib.SCHLOSS_E_NO_MEMORY)
        return ffi.gc(call, lib.call_free)

    def _take_call(self):
        try:
            return self._idle.pop()
        except IndexError:
            return self._new()

    def _name(self, name):
        """A topic or subject as a C string."""
        found = self._names.get(name)
        if found is None:
            if not isinstance(name, str):
                raise TypeError("topic and subject must be str, not %s" % type(name).__name__)
            if "\0" in name:
                raise misuse("INVALID_ARGUMENT", "the name of a topic or subject has a NUL in it")
            if len(self._names) >= NAMES_MAX:
                self._names.clear()
            found = self._names[name] = name.encode()
        return found

    def _subject(self, ctx, record_name):
        """Subject by the application's own strategy."""
        subject = self._subject_of(ctx, record_name)
        if subject is None:
            raise misuse("SUBJECT_NAME", "subject.name.strategy named no subject")
        return self._name(subject)

    def _need_ctx(self, ctx):
        if ctx is None or ctx.topic is None:
            raise misuse("SUBJECT_NAME", "a record needs a SerializationContext with its topic")

    def close(self):
        """Frees the handles and wipes what they hold; the client goes on."""
        while self._idle:
            ffi.release(self._idle.pop())


class Serializer(Pool, _BaseSerializer):
    """Serializes records that are encoded already: Avro binary, JSON text or a Protobuf message's bytes.

    schema, schema_type   the writer's schema: text, or an object with schema_str, schema_type and references. Without
                          it the subject's latest version is written with.
    conf                  keys of confluent_kafka's serializers and of the library (docs/python.md)
    rule_conf             settings of the KMS drivers, e.g. {"secret": ...} or {"access.key.id": ...}
    Any thread may call it.
    """

    SCHEMA_TYPE = "AVRO"
    # Which schema is written with does not depend on the application's: objects are encoded under the registry's.
    PINNED = ("use.latest.version", "use.latest.with.metadata", "use.schema.id", "use.schema.guid")

    def __init__(self, schema_registry_client, schema=None, conf=None, rule_conf=None, schema_type=None,
                 rule_registry=None):
        self._schema = schema if isinstance(schema, str) or schema is None else schema.schema_str
        self._references = () if isinstance(schema, str) or schema is None else schema.references or ()
        self._schema_type = schema_type or getattr(schema, "schema_type", None) or self.SCHEMA_TYPE
        self._message = None
        Pool.__init__(self, schema_registry_client, conf, rule_conf, rule_registry)

    def _take(self, conf):
        latest = conf.get("use.latest.version")
        if latest and conf.get("auto.register.schemas"):
            raise _conf.refuse("cannot enable both use.latest.version and auto.register.schemas")
        for name in ("auto.register.schemas", "normalize.schemas", "use.latest.version"):
            if conf.get(name) is not None and not isinstance(conf[name], bool):
                raise _conf.refuse("%s must be a boolean value" % name)

    def _new(self, with_schema=True):
        call = self._open(lib.call_writer)
        rc = lib.SCHLOSS_E_NO_MEMORY
        if self._schema is not None and with_schema:
            for r in self._references:
                rc = lib.call_reference(call, r.name.encode(), r.subject.encode(), r.version)
                if rc:
                    raise error_of(lib.call_error(call), rc)
            text = self._schema.encode()
            rc = lib.call_schema(call, self._schema_type.encode(), text, len(text))
            if rc:
                raise error_of(lib.call_error(call), rc)
        if self._message is not None:
            rc = lib.call_message(call, self._message.encode())
            if rc:
                raise error_of(lib.call_error(call), rc)
        return call

    def _send(self, call, ctx, topic, is_key, subject, data):
        """The value of the record; its header, if any, goes into ctx.headers."""
        rc = lib.call_write(call, topic, is_key, subject, data, len(data))
        if rc:
            raise error_of(lib.call_error(call), rc)
        if call.header_name:
            self._put_header(ctx, call)
        return unpack(call.value, call.len)

    @staticmethod
    def _put_header(ctx, call):
        name, value = ffi.string(call.header_name).decode(), unpack(call.header, call.header_len)
        headers = ctx.headers
        if isinstance(headers, list):
            headers.append((name, value))
        elif isinstance(headers, dict):
            headers[name] = value
        else:
            raise misuse("INVALID_ARGUMENT", "the schema id goes into a header, and the context has no headers",
                         "give SerializationContext a list or dict of headers and send it with the record")

    def __call__(self, obj, ctx=None):
        """Value for the topic, or None for None (a tombstone)."""
        if obj is None:
            return None
        data = obj if type(obj) is bytes else self._bytes(obj)
        if ctx is None:
            self._need_ctx(ctx)
        topic = self._names.get(ctx.topic) or self._name(ctx.topic)
        subject = NULL if self._subject_of is None else self._subject(ctx, self._record_name())
        call = self._take_call()
        try:
            return self._send(call, ctx, topic, ctx.field == "key", subject, data)
        finally:
            self._idle.append(call)

    @staticmethod
    def _bytes(obj):
        if isinstance(obj, (bytes, bytearray, memoryview)):
            return bytes(obj)
        raise TypeError("a record must be bytes here, not %s" % type(obj).__name__)

    def _record_name(self):
        return None


class Deserializer(Pool, _BaseDeserializer):
    """Deserializes to the bytes of the decrypted record, in the format of its schema.

    conf, rule_conf   as for Serializer. Any thread may call it.
    """

    def __init__(self, schema_registry_client, conf=None, rule_conf=None, rule_registry=None):
        Pool.__init__(self, schema_registry_client, conf, rule_conf, rule_registry)

    def _take(self, conf):
        for name in ("use.latest.version",):
            if conf.get(name) is not None and not isinstance(conf[name], bool):
                raise _conf.refuse("%s must be a boolean value" % name)

    def _new(self):
        return self._open(lib.call_reader)

    def _receive(self, call, ctx, data):
        """Decrypted bytes, or None for a null record; the call knows the writer's schema afterwards."""
        topic = self._names.get(ctx.topic) or self._name(ctx.topic)
        subject = NULL if self._subject_of is None else self._subject(ctx, None)
        headers = ctx.headers
        if not headers:
            rc = lib.call_read(call, topic, ctx.field == "key", subject, data, len(data), 0)
        else:
            kept = []  # keeps alive what the call borrows
            for name, value in (headers.items() if isinstance(headers, dict) else headers):
                if value is not None:
                    name = from_buffer(name.encode() + b"\0")
                    value = from_buffer(value.encode() if isinstance(value, str) else to_bytes(value))
                    if lib.call_header(call, len(kept), name, value, len(value)):
                        raise MemoryError("libschloss: no memory for headers")
                    kept.append((name, value))
            rc = lib.call_read(call, topic, ctx.field == "key", subject, data, len(data), len(kept))
        if rc:
            raise error_of(lib.call_error(call), rc)
        return None if call.is_null else unpack(call.value, call.len)

    def __call__(self, data, ctx=None):
        """The record, or None for None."""
        if data is None:
            return None
        if type(data) is not bytes:
            data = to_bytes(data)
        if ctx is None:
            self._need_ctx(ctx)
        call = self._take_call()
        try:
            return self._receive(call, ctx, data)
        finally:
            self._idle.append(call)
