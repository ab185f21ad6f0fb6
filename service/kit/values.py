"""What the small value types of the kit raise when a text is not one of theirs."""

from service.kit.errors import InvalidRequest


class Malformed(InvalidRequest, ValueError):
    """The text is not what it should be. A ``ValueError`` too, so that a pydantic validator may call ``parse``.

    ``pointer`` is the RFC 6901 pointer of the field; the text itself is never repeated.
    """

    def __init__(self, pointer: str, code: str, detail: str) -> None:
        super().__init__(pointer, code, detail)
        self.reason = code
        self.text = detail

    def __str__(self) -> str:
        return self.text
