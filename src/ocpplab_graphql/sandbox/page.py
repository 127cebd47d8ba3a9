"""The documentation page: plain HTML made from the OpenAPI document, without scripts."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

__all__ = ["documentation"]

_Json = Mapping[str, Any]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2433}
h2{margin-top:2.5rem;border-bottom:1px solid #d9dee8}h3{margin-top:2rem}
code,pre{font:14px/1.45 ui-monospace,monospace;background:#f3f5f9;border-radius:4px;padding:.1em .3em}
pre{padding:.8rem;overflow-x:auto}b.m{color:#0a6b3d;margin-right:.5rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid #eceff5}a{color:#1c54b2}
"""


def documentation(document: _Json) -> str:
    """The whole page."""
    info = document["info"]
    body = [f"<h1>{escape(info['title'])}</h1>", _paragraphs(info.get("description", ""))]
    body.append('<p>The same for machines: <a href="openapi.json">openapi.json</a></p>')
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body.extend(_operation(method.upper(), path, operation))
    body.append("<h2>Shapes</h2>")
    for name, schema in document["components"]["schemas"].items():
        body.extend(_shape(name, schema))
    head = f"<meta charset=utf-8><title>{escape(info['title'])}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(body)}</body></html>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n") if part)


def _operation(method: str, path: str, operation: _Json) -> Iterator[str]:
    yield f"<h2><b class=m>{method}</b><code>{escape(path)}</code></h2>"
    yield f"<p><strong>{escape(operation.get('summary', ''))}</strong></p>"
    yield _paragraphs(operation.get("description", ""))
    if parameters := operation.get("parameters"):
        yield "<table><tr><th>parameter<th>in<th>type<th>meaning</tr>"
        for each in parameters:
            need = "" if each.get("required") else " (optional)"
            yield f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}{need}"
            yield f"<td>{_type(each['schema'])}<td>{escape(each.get('description', ''))}</tr>"
        yield "</table>"
    if content := operation.get("requestBody", {}).get("content"):
        yield f"<p>Body: {_type(content['application/json']['schema'])}</p>"
    yield "<table><tr><th>status<th>body<th>meaning</tr>"
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        yield f"<tr><td>{status}<td>{_type(schema)}<td>{escape(answer['description'])}</tr>"
    yield "</table>"


def _shape(name: str, schema: _Json) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}">{escape(name)}</h3>{_paragraphs(schema.get("description", ""))}'
    required = set(schema.get("required", ()))
    yield "<table><tr><th>field<th>type<th>meaning</tr>"
    for field, inner in schema.get("properties", {}).items():
        need = "" if field in required else " (optional)"
        note = escape(inner.get("description", ""))
        if examples := inner.get("examples"):
            note += f" <code>{escape(str(examples[0]))}</code>"
        yield f"<tr><td><code>{escape(field)}</code>{need}<td>{_type(inner)}<td>{note}</tr>"
    yield "</table>"


_BOUNDS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "at least {} long",
    "maxLength": "at most {} long",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "{}",
    "format": "{}",
}


def _type(schema: _Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_type(each) for each in schema[choice])
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    words = escape(str(schema.get("type", "any")))
    if schema.get("type") == "array":
        words = f"list of {_type(schema.get('items', {}))}"
    bounds = [escape(text.format(schema[key])) for key, text in _BOUNDS.items() if key in schema]
    return ", ".join([words, *bounds])
