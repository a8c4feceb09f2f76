"""Refusals: ``Refusal`` is a value that a function returns, ``Invalid`` an exception that it raises."""

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """Why a request was refused: a fault of the caller. ``field`` is the path of the value at fault, None for none;
    ``status`` is HTTP's, ``retry_after`` in seconds."""

    code: str
    message: str
    field: str | None = None
    status: int = 400
    retry_after: float | None = None

    def inside(self, where: str) -> "Refusal":
        """The same of a part of a document: ``where`` is put before the field."""
        if not where:
            return self
        field = f"{where}.{self.field}" if self.field else where
        return msgspec.structs.replace(self, field=field)

    def body(self) -> bytes:
        """As JSON."""
        error = {"code": self.code, "message": self.message, "field": self.field}
        return msgspec.json.encode({"error": error})


class Invalid(ValueError):
    """A document or a query that cannot be accepted. ``field`` is the path of the value at fault, "" for none."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field, self.message = field, message
