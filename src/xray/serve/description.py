"""Forms as OpenAPI describes them: the service reads them itself, so no framework can tell."""

from collections.abc import Sequence
from typing import Any

KINDS = "image/jpeg, image/png, application/dicom"


def describe_form(file_field: str, many: bool, methods: Sequence[str] = ()) -> dict[str, Any]:
    """The body of a request with files.

    Args:
        file_field: Name of the field that holds them.
        many: Whether it may be given several times.
        methods: Values of a field `method`, the default first; none where there is no such field.
    """
    image = {"type": "string", "format": "binary", "description": "An image: JPEG, PNG or DICOM."}
    properties: dict[str, Any] = {
        file_field: {"type": "array", "items": image, "minItems": 1, "description": "One image or more."}
        if many
        else image
    }
    if methods:
        properties["method"] = {
            "type": "string",
            "enum": list(methods),
            "default": methods[0],
            "description": "How the map is made.",
        }
    schema = {"type": "object", "required": [file_field], "properties": properties}
    content = {"schema": schema, "encoding": {file_field: {"contentType": KINDS}}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": content}}}
