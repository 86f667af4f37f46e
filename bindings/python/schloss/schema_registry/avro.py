"""Avro: dicts through fastavro, with its logical types, union notation and schema resolution."""
import io
import json

from . import _objects
from .. import _conf
from .._errors import misuse

try:
    import fastavro
    from fastavro import schemaless_reader, schemaless_writer
except ImportError:  # records as bytes need no fastavro
    fastavro = None

__all__ = ["AvroDeserializer", "AvroSerializer"]


class Schema:
    """A schema as fastavro wants it. Records as bytes need none: what is wrong with it is said when an object comes."""
    __slots__ = ("parsed", "is_bytes", "error")

    def __init__(self, text):
        schema = json.loads(text)
        self.is_bytes = schema == "bytes" or isinstance(schema, dict) and schema.get("type") == "bytes"
        self.parsed = self.error = None
        if fastavro is None:
            self.error = "objects as Avro need the package fastavro", "pip install 'schloss[avro]'"
        else:
            try:
                self.parsed = fastavro.parse_schema(schema)
            except fastavro.schema.UnknownType as e:
                self.error = ("the schema refers to %s, which stands in another schema" % e.name,
                              "give records as bytes, or register the schema with all its types")

    def need(self):
        """The parsed schema."""
        if self.error is not None:
            raise misuse("UNSUPPORTED", *self.error)
        return self.parsed


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

    _compile = Schema

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


class AvroDeserializer(_objects.ObjectDeserializer):
    """Takes the arguments of confluent_kafka's AvroDeserializer. schema_str is the reader's schema: records are resolved
    to it."""

    def __init__(self, schema_registry_client, schema_str=None, from_dict=None, return_record_name=False, conf=None,
                 rule_conf=None, rule_registry=None):
        if schema_str is not None and not isinstance(schema_str, str) and not hasattr(schema_str, "schema_str"):
            raise TypeError("You must pass either schema string or schema object")
        if not isinstance(return_record_name, bool):
            raise ValueError("return_record_name must be a boolean value")
        self._return_record_name = return_record_name
        text = _text(schema_str)
        self._reader = None if text is None else Schema(_quoted(text)).need()
        super().__init__(schema_registry_client, from_dict, conf, rule_conf, rule_registry)

    _compile = Schema

    def _decode(self, data, made):
        if made.error is not None:
            made.need()
        try:
            return schemaless_reader(io.BytesIO(data), made.parsed, self._reader, self._return_record_name)
        except (fastavro.read.SchemaResolutionError, ValueError, TypeError, LookupError, EOFError) as e:
            raise misuse("DATA_MISMATCH", "the record cannot be resolved from its schema to the reader's") from e
