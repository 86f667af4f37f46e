"""Avro: dicts through fastavro, with its logical types, union notation and schema resolution."""
import io
import json

from . import _objects
from .. import _conf
from .._errors import error_of, misuse
from .._native import ffi, lib

try:
    import fastavro
    from fastavro import schemaless_reader, schemaless_writer
except ImportError:  # records as bytes need no fastavro
    fastavro = None

__all__ = ["AvroDeserializer", "AvroSerializer"]


class Schema:
    """A schema as fastavro wants it. Records as bytes need none: what is wrong with it is said when an object comes."""
    __slots__ = ("parsed", "is_bytes", "error")

    def __init__(self, text, named):
        schema = json.loads(text)
        self.is_bytes = schema == "bytes" or isinstance(schema, dict) and schema.get("type") == "bytes"
        self.parsed = self.error = None
        if fastavro is None:
            self.error = "objects as Avro need the package fastavro", "pip install 'schloss[avro]'"
            return
        try:
            self.parsed = fastavro.parse_schema(schema)
        except fastavro.schema.UnknownType as e:
            try:
                self.parsed = fastavro.parse_schema(schema, named_schemas=named())
            except AttributeError:  # there is no confluent-kafka, which fetches referenced schemas
                self.error = ("the schema refers to %s, which stands in another schema" % e.name,
                              "pip install 'confluent-kafka[schemaregistry]', or give and take records as bytes")

    def need(self):
        """The parsed schema."""
        if self.error is not None:
            raise misuse("UNSUPPORTED", *self.error)
        return self.parsed


def _named(client, schema, found=None, seen=None):
    """Types of the schemas that a schema refers to, as fastavro collects them. The library resolves references for
    itself; their texts are fetched by confluent_kafka's client."""
    found, seen = {} if found is None else found, set() if seen is None else seen
    for r in schema.references or ():
        if (r.subject, r.version) not in seen:
            seen.add((r.subject, r.version))
            other = client.get_version(r.subject, r.version, True).schema
            _named(client, other, found, seen)
            fastavro.parse_schema(json.loads(other.schema_str), named_schemas=found)
    return found


def _compile(self, text, call):
    """For both classes: the registry's schema, with the types of others that it refers to."""
    def named():
        subject = ffi.string(lib.schloss_schema_subject(call.schema)).decode()
        return _named(self._client, self._client.get_schema(call.id, subject or None))
    return Schema(text, named)


def _text(schema):
    if schema is None or isinstance(schema, str):
        return schema
    return schema.schema_str


def _quoted(text):
    """Schema text; a primitive type may be given by its bare name."""
    return text if text.lstrip()[:1] in ("{", "[", '"') else json.dumps(text.strip())


class AvroSerializer(_objects.ObjectSerializer):
    """Takes the arguments of confluent_kafka's AvroSerializer. An object is a dict (or whatever to_dict makes one of),
    or bytes: a record that is Avro already (under the root type bytes they are the value)."""

    SCHEMA_TYPE = "AVRO"

    def __init__(self, schema_registry_client, schema_str=None, to_dict=None, conf=None, rule_conf=None,
                 rule_registry=None):
        schema = schema_str
        if schema is not None and not isinstance(schema, str) and not hasattr(schema, "schema_str"):
            raise TypeError("You must pass either schema string or schema object")
        self._name_of_record = None
        self._strict = self._strict_allow_default = False
        text = _text(schema)
        if isinstance(schema, str):
            schema = text = _quoted(schema)
        if text is not None and text.lstrip()[:1] == "{":
            parsed = json.loads(text)
            name, space = parsed.get("name"), parsed.get("namespace")
            self._name_of_record = "%s.%s" % (space, name) if name and space and "." not in name else name
        super().__init__(schema_registry_client, schema, to_dict, conf, rule_conf, rule_registry)

    def _take(self, conf):
        self._strict = conf.pop("validate.strict", False)
        self._strict_allow_default = conf.pop("validate.strict.allow.default", False)
        for name, value in (("validate.strict", self._strict),
                            ("validate.strict.allow.default", self._strict_allow_default)):
            if not isinstance(value, bool):
                raise _conf.refuse("%s must be a boolean value" % name)
        self._is_strict = self._strict or self._strict_allow_default
        super()._take(conf)

    def _record_name(self):
        return self._name_of_record

    _compile = _compile

    def _encode(self, obj, made):
        schema = made.parsed
        if type(obj) is bytes and not made.is_bytes:
            return obj
        if made.error is not None:
            made.need()
        if made.is_bytes and isinstance(obj, str):
            obj = obj.encode()
        out = io.BytesIO()
        if self._is_strict:
            fastavro.schemaless_writer(out, schema, obj, strict=self._strict,
                                       strict_allow_default=self._strict_allow_default)
        else:
            schemaless_writer(out, schema, obj)
        return out.getvalue()


    def _schema_for(self, ctx):
        """The parsed schema that the next object would be written with."""
        topic, is_key = self._name(ctx.topic), ctx.field == "key"
        subject = _objects.NULL if self._subject_of is None else self._subject(ctx, None)
        call = self._take_call()
        try:
            rc = lib.call_prepare(call, topic, is_key, subject)
            if rc:
                raise error_of(lib.call_error(call), rc)
            return _objects.compiled(self._compiled, (topic, is_key, subject), call, self._compile).made.need()
        finally:
            self._idle.append(call)


class AvroDeserializer(_objects.ObjectDeserializer):
    """Takes the arguments of confluent_kafka's AvroDeserializer. Records are resolved to the reader's schema: the
    subject's latest with use.latest.version or use.latest.with.metadata, else schema_str, else they are as written."""

    def __init__(self, schema_registry_client, schema_str=None, from_dict=None, return_record_name=False, conf=None,
                 rule_conf=None, rule_registry=None):
        if schema_str is not None and not isinstance(schema_str, str) and not hasattr(schema_str, "schema_str"):
            raise TypeError("You must pass either schema string or schema object")
        if not isinstance(return_record_name, bool):
            raise ValueError("return_record_name must be a boolean value")
        self._return_record_name = return_record_name
        text = _text(schema_str)
        self._reader = self._latest = None
        if text is not None:
            self._reader = Schema(_quoted(text), lambda: _named(schema_registry_client, schema_str)).need()
        super().__init__(schema_registry_client, from_dict, conf, rule_conf, rule_registry)

    def _take(self, conf):
        wanted = {name: conf.pop(name, None) for name in ("use.latest.version", "use.latest.with.metadata")}
        if wanted["use.latest.version"] or wanted["use.latest.with.metadata"]:
            named = {k: v for k, v in conf.items() if k.startswith("subject.name.strategy")}
            self._latest = AvroSerializer(self._client, conf=dict(named, **wanted))
            self._latest._subject_of = self._subject_of
        super()._take(conf)

    def _reader_for(self, ctx):
        return self._reader if self._latest is None else self._latest._schema_for(ctx)

    _compile = _compile

    def _decode(self, data, made, reader):
        if made.error is not None:
            made.need()
        try:
            return schemaless_reader(io.BytesIO(data), made.parsed, reader, self._return_record_name)
        except (fastavro.read.SchemaResolutionError, ValueError, TypeError, LookupError, EOFError) as e:
            raise misuse("DATA_MISMATCH", "the record cannot be resolved from its schema to the reader's") from e
