"""JSON Schema: objects through json (or json_encode and json_decode), checked by jsonschema unless validate is False."""
import json

from . import _objects
from .. import _conf
from .._errors import misuse

try:
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import validator_for
except ImportError:  # validate=False needs no jsonschema
    validator_for = None

__all__ = ["JSONDeserializer", "JSONSerializer"]


def _dumps(obj):
    return json.dumps(obj, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _take_validate(conf):
    validate = conf.pop("validate", True)
    if not isinstance(validate, bool):
        raise _conf.refuse("validate must be a boolean value")
    if validate and validator_for is None:
        raise misuse("UNSUPPORTED", "validate=True needs the package jsonschema",
                     "pip install 'schloss[json]', or set validate=False")
    return validate


def _validator(text, call=None):
    schema = json.loads(text)
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def _check(validator, obj):
    """What is wrong with obj, without its values: they may be secret."""
    try:
        validator.validate(obj)
    except ValidationError as e:
        raise misuse("DATA_MISMATCH", "the object does not fit its schema at %s: %s" % (e.json_path, e.validator),
                     "the constraint is in the schema; validate=False leaves the check out") from None


class JSONSerializer(_objects.ObjectSerializer):
    """Takes the arguments of confluent_kafka's JSONSerializer. An object is whatever json_encode takes (default: compact
    JSON), or bytes: the JSON text itself, which is not checked. Objects are checked before rules run."""

    SCHEMA_TYPE = "JSON"

    def __init__(self, schema_str, schema_registry_client, to_dict=None, conf=None, rule_conf=None, rule_registry=None,
                 json_encode=None):
        self._json_encode = json_encode or _dumps
        self._title = None
        if schema_str is not None:
            parsed = json.loads(schema_str if isinstance(schema_str, str) else schema_str.schema_str)
            self._title = parsed.get("title") if isinstance(parsed, dict) else None
        super().__init__(schema_registry_client, schema_str, to_dict, conf, rule_conf, rule_registry)

    def _take(self, conf):
        self.NEEDS_SCHEMA = _take_validate(conf)
        super()._take(conf)

    def _record_name(self):
        return self._title

    _compile = staticmethod(_validator)

    def _encode(self, obj, validator):
        if type(obj) is bytes:
            return obj
        if validator is not None:
            _check(validator, obj)
        text = self._json_encode(obj)
        return text.encode() if isinstance(text, str) else bytes(text)


class JSONDeserializer(_objects.ObjectDeserializer):
    """Takes the arguments of confluent_kafka's JSONDeserializer. Objects are checked after rules ran, against schema_str
    if given, else against the writer's schema."""

    def __init__(self, schema_str, from_dict=None, schema_registry_client=None, conf=None, rule_conf=None,
                 rule_registry=None, json_decode=None):
        if schema_registry_client is None:
            raise ValueError("schema_registry_client must be provided: rules come from the registry")
        self._json_decode = json_decode or json.loads
        self._reader = None
        self._reader_text = schema_str if isinstance(schema_str, str) or schema_str is None else schema_str.schema_str
        super().__init__(schema_registry_client, from_dict, conf, rule_conf, rule_registry)

    def _take(self, conf):
        validate = _take_validate(conf)
        self.NEEDS_SCHEMA = validate and self._reader_text is None
        if validate and self._reader_text is not None:
            self._reader = _validator(self._reader_text)
        super()._take(conf)

    _compile = staticmethod(_validator)

    def _decode(self, data, validator, reader):
        obj = self._json_decode(data)
        if validator is None:
            validator = reader
        if validator is not None:
            _check(validator, obj)
        return obj
