"""What the three formats have in common: objects become records under the schema that is really written with, and
records become objects under the schema they were written with."""
from .. import _serde
from .._errors import error_of, misuse
from .._native import ffi, lib

NULL = ffi.NULL
OTHER_SCHEMA = lib.CALL_OTHER_SCHEMA
call_write_as = lib.call_write_as
unpack = ffi.unpack
COMPILED_MAX = 1000
BYTES = frozenset((bytes, bytearray, memoryview))
RECORD_STRATEGIES = {"RECORD": lambda ctx, name: name, "TOPIC_RECORD": lambda ctx, name: "%s-%s" % (ctx.topic, name)}


class Compiled:
    """A schema of the registry with what a format made of it. It is the call's schema only when id and text agree."""
    __slots__ = ("id", "text", "made")

    def __init__(self, call, make):
        self.id = call.id
        self.text = ffi.string(lib.schloss_schema_text(call.schema))
        self.made = make(self.text.decode(), call)


def compiled(cache, key, call, make):
    """The call's schema as the format wants it; compiled again when the registry's schema is another."""
    found = cache.get(key)
    if found is not None and lib.call_is_schema(call, found.id, found.text):
        return found
    found = Compiled(call, make)
    if len(cache) >= COMPILED_MAX:
        cache.clear()
    cache[key] = found
    return found


class ObjectSerializer(_serde.Serializer):
    """Base of AvroSerializer, JSONSerializer and ProtobufSerializer: _compile(text, call) and _encode(obj, made)."""

    NEEDS_SCHEMA = True  # objects are encoded under the schema of the registry

    def __init__(self, client, schema, to_dict, conf, rule_conf, rule_registry):
        if to_dict is not None and not callable(to_dict):
            raise ValueError("to_dict must be callable with the signature to_dict(object, SerializationContext)->dict")
        self._to_dict = to_dict
        self._compiled = {}
        self._idle_bytes = []
        self._pinned = any(name != "use.latest.version" and conf.get(name) is not None or conf.get(name) is True
                           for name in self.PINNED) if conf else False
        _serde.Serializer.__init__(self, client, schema, conf, rule_conf, None, rule_registry)

    def _strategy(self, conf):
        function = _serde.Serializer._strategy(self, conf)
        kind = str(getattr(conf.get("subject.name.strategy.type"), "value", conf.get("subject.name.strategy.type"))).upper()
        if function is None and self._pinned and kind in RECORD_STRATEGIES and self._record_name() is not None:
            # The library does not know the record's name before it has the schema.
            return RECORD_STRATEGIES[kind]
        return function

    def _new(self, with_schema=None):
        # With use.latest.version and its like objects are encoded under the registry's schema: the application's need
        # not have the same form. Bytes are of the application's schema: the library then compares the two.
        return _serde.Serializer._new(self, not self._pinned if with_schema is None else with_schema)

    def _call_for_bytes(self):
        if not self._pinned or self._schema is None:
            return self._take_call(), self._idle
        try:
            return self._idle_bytes.pop(), self._idle_bytes
        except IndexError:
            return self._new(True), self._idle_bytes

    def close(self):
        _serde.Serializer.close(self)
        while self._idle_bytes:
            ffi.release(self._idle_bytes.pop())

    def __call__(self, obj, ctx=None):
        """Value for the topic, or None for None (a tombstone). bytes are a record that is encoded already."""
        if obj is None:
            return None
        if ctx is None:
            self._need_ctx(ctx)
        topic = self._names.get(ctx.topic) or self._name(ctx.topic)
        is_key = ctx.field == "key"
        subject = NULL if self._subject_of is None else self._subject(ctx, self._record_name())
        if self._to_dict is not None:
            obj = self._to_dict(obj, ctx)
        if type(obj) in BYTES:
            obj = _serde.to_bytes(obj)
            call, idle = self._call_for_bytes()
        else:
            call, idle = self._take_call(), self._idle
        try:
            if self.NEEDS_SCHEMA:
                return self._send_object(call, ctx, topic, is_key, subject, obj)
            return self._send(call, ctx, topic, is_key, subject, self._encode(obj, None))
        finally:
            idle.append(call)

    def _send_object(self, call, ctx, topic, is_key, subject, obj):
        """Encodes under the schema that was last written with; the library writes only if it still is. Else the object
        is encoded anew under the schema of the moment."""
        key = (topic, is_key, subject)
        used = self._compiled.get(key)
        for _ in range(4):
            if used is not None:
                data = self._encode(obj, used.made)
                rc = call_write_as(call, topic, is_key, subject, data, len(data), used.id, used.text)
                if rc == 0:
                    if call.header_name:
                        self._put_header(ctx, call)
                    return unpack(call.value, call.len)
                if rc != OTHER_SCHEMA:
                    raise error_of(lib.call_error(call), rc)
            rc = lib.call_prepare(call, topic, is_key, subject)
            if rc:
                raise error_of(lib.call_error(call), rc)
            used = compiled(self._compiled, key, call, self._compile)
        raise misuse("DATA_MISMATCH", "the schema changed again and again while a record was encoded")


class ObjectDeserializer(_serde.Deserializer):
    """Base of AvroDeserializer, JSONDeserializer and ProtobufDeserializer: _compile(text, call) and
    _decode(data, made, reader), where reader is what _reader_for() says."""

    NEEDS_SCHEMA = True
    _reader = None

    def __init__(self, client, from_dict, conf, rule_conf, rule_registry):
        if from_dict is not None and not callable(from_dict):
            raise ValueError("from_dict must be callable with the signature from_dict(dict, SerializationContext) -> "
                             "object")
        self._from_dict = from_dict
        self._compiled = {}
        _serde.Deserializer.__init__(self, client, conf, rule_conf, rule_registry)

    def __call__(self, data, ctx=None):
        """The object, or None for None."""
        if data is None:
            return None
        if type(data) is not bytes:
            data = _serde.to_bytes(data)
        if ctx is None:
            self._need_ctx(ctx)
        try:
            call = self._idle.pop()
        except IndexError:
            call = self._new()
        try:
            record = self._receive(call, ctx, data)
            if record is None:
                return None
            made = None
            if self.NEEDS_SCHEMA:
                made = compiled(self._compiled, (call.id, ctx.topic), call, self._compile).made
        finally:
            self._idle.append(call)
        obj = self._decode(record, made, self._reader_for(ctx))
        return obj if self._from_dict is None else self._from_dict(obj, ctx)

    def _reader_for(self, ctx):
        return self._reader
