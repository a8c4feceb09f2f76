"""JSON Schemas of the values that answers are encoded from: what the description says is what the types say."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from profiles.store.lookup import COMPUTED, INTERNAL

REF = "#/components/schemas/"
Schema = dict[str, Any]
_PLAIN: Mapping[type, Schema] = {
    inspect.AnyType: {},
    inspect.NoneType: {"type": "null"},
    inspect.BoolType: {"type": "boolean"},
    inspect.BytesType: {"type": "string", "contentEncoding": "base64"},
    inspect.DecimalType: {"type": "string", "format": "decimal"},
    inspect.DateType: {"type": "string", "format": "date"},
    inspect.DateTimeType: {"type": "string", "format": "date-time"},
}
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
}


def schemas_of(named: Mapping[str, type]) -> dict[str, Schema]:
    """The schema of each type under its name, and under their own names those of what they hold."""
    return _Drawer(named).drawn


class _Drawer:
    def __init__(self, named: Mapping[str, type]) -> None:
        self.drawn: dict[str, Schema] = {}
        self._names: dict[type, str] = {kind: name for name, kind in named.items()}
        for kind in named.values():
            self._draw(kind)

    def _draw(self, kind: type) -> None:
        """An object of all its fields: msgspec writes each, be it the default, unless told otherwise."""
        name = self._names[kind]
        if name in self.drawn:
            return
        self.drawn[name] = {}  # it may hold itself
        info: Any = inspect.type_info(kind)
        config = getattr(kind, "__struct_config__", None)
        sparse, hidden = bool(config and config.omit_defaults), INTERNAL.get(kind, ())
        stored = [each for each in info.fields if each.name not in hidden]
        now: Any = inspect.type_info(COMPUTED[kind]) if kind in COMPUTED else None
        fields = list({each.name: each for each in (*stored, *(now.fields if now else ()))}.values())
        needed = [each.encode_name for each in fields if each.required or not sparse]
        self.drawn[name] = {
            "type": "object",
            **_described(kind),
            **({"required": needed} if needed else {}),
            "properties": {each.encode_name: self._of(each.type) for each in fields},
        }

    def _of(self, info: inspect.Type) -> Schema:
        match info:
            case inspect.Metadata():
                return {**self._of(info.type), **(info.extra_json_schema or {})}
            case inspect.IntType() | inspect.FloatType() | inspect.StrType():
                kinds = {inspect.IntType: "integer", inspect.FloatType: "number", inspect.StrType: "string"}
                return {"type": kinds[type(info)], **_bounds(info)}
            case inspect.LiteralType():
                return {"enum": list(info.values)}
            case inspect.UnionType():
                return {"anyOf": [self._of(each) for each in info.types]}
            case inspect.TupleType():
                return {
                    "type": "array",
                    "prefixItems": [self._of(each) for each in info.item_types],
                    "minItems": len(info.item_types),
                    "maxItems": len(info.item_types),
                }
            case inspect.DictType():
                return {"type": "object", "additionalProperties": self._of(info.value_type)}
            case inspect.CollectionType():
                return {"type": "array", "items": self._of(info.item_type)}
            case inspect.StructType() | inspect.DataclassType() | inspect.NamedTupleType():
                return {"$ref": REF + self._named(info.cls)}
        return dict(_PLAIN[type(info)])

    def _named(self, kind: type) -> str:
        if kind not in self._names:
            taken = set(self._names.values())
            own = kind.__name__
            self._names[kind] = f"{kind.__module__}.{own}" if own in taken else own
        self._draw(kind)
        return self._names[kind]


def _bounds(info: Any) -> Schema:
    return {said: value for name, said in _BOUNDS.items() if (value := getattr(info, name, None)) is not None}


def _described(kind: type) -> Schema:
    """Its docstring; a dataclass without one has its signature there, a tuple something of the sort."""
    text = " ".join((kind.__doc__ or "").split())
    return {"description": text} if text and not text.startswith(f"{kind.__name__}(") else {}


def given(kind: type) -> Schema:
    """The schema of a request's document: only what has no default is required."""
    (schema,), parts = msgspec.json.schema_components([kind], ref_template=REF + "{name}")
    found: Schema = parts[schema["$ref"].removeprefix(REF)]
    return found
