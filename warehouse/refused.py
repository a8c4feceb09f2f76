"""A question that cannot be asked."""


class QueryRefused(ValueError):
    """What was asked makes no sense. ``field`` names the parameter at fault, for the caller's message."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message
