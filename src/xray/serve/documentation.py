"""The page /docs: the service's own description as plain HTML, without any outside address or script."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid #8888;padding-bottom:.3rem}
code,.verb{font-family:ui-monospace,monospace}
.verb{font-weight:600;text-transform:uppercase;margin-right:.5rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884}
"""


def documentation_page(description: dict[str, Any]) -> str:
    """Render an OpenAPI description.

    Args:
        description: As `/openapi.json` answers it.

    Returns:
        A whole HTML document.
    """
    info = description["info"]
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}: documentation</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>',
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['summary'])}",
        f'<p>{escape(info["description"])}<p>For programs: <a href="openapi.json">openapi.json</a>.',
    ]
    for path, operations in description["paths"].items():
        for verb, operation in operations.items():
            parts += _operation(path, verb, operation)
    parts.append("<h2>What is answered</h2>")
    for name, schema in description.get("components", {}).get("schemas", {}).items():
        told = _told(schema.get("description", ""))
        parts.append(f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3><p>{told}')
        parts += _fields(schema)
    return "".join(parts)


def policy_of(page: str) -> str:
    """A content security policy under which the page's own style holds and nothing else."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _operation(path: str, verb: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<h2><span class="verb">{escape(verb)}</span><code>{escape(path)}</code></h2>'
    yield "".join(f"<p>{_told(text)}" for text in operation.get("description", "").split("\n\n"))
    if operation.get("security"):
        yield "<p>Needs the header <code>Authorization: Bearer TOKEN</code>."
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h3>Body: <code>{escape(kind)}</code></h3>"
        yield from _fields(content["schema"])
    yield "<h3>Answers</h3><table><tr><th>Status<th>Meaning<th>Body"
    for status, answer in sorted(operation["responses"].items()):
        bodies = " ".join(
            f"{escape(kind)} {_kind(content.get('schema', {}))}" for kind, content in answer.get("content", {}).items()
        )
        yield f"<tr><td><code>{escape(str(status))}</code><td>{_told(answer['description'])}<td>{bodies}"
    yield "</table>"


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    required = schema.get("required", [])
    yield "<table><tr><th>Field<th>Type<th>Meaning"
    for name, field in schema.get("properties", {}).items():
        told = _told(field.get("description", ""))
        if "enum" in field:
            told += f" One of {escape(', '.join(map(str, field['enum'])))}."
        if "default" in field:
            told += f" By default {escape(str(field['default']))}."
        optional = "" if name in required else " (optional)"
        yield f"<tr><td><code>{escape(name)}</code>{optional}<td>{_kind(field)}<td>{told}"
    yield "</table>"


def _told(description: str) -> str:
    """A description, of whose Markdown only the marks of code are in use."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(description))


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if schema.get("type") == "array" and "items" in schema:
        return f"array of {_kind(schema['items'])}"
    return escape(" ".join(filter(None, [schema.get("type", ""), schema.get("format", "")])))
