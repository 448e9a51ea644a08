"""The HTTP side as OpenAPI 3.1: the table of routes with the schemas of what they take and answer.

It must not know what is true of a path: that stands in the table.
"""

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import msgspec

from relay import protocol
from relay.http import MAX_BODY
from relay.manual.routes import MEANS, ROUTES, TILL, Answer, Route

Document = dict[str, Any]

_REF = "#/components/schemas/{name}"
_INTRODUCTION = f"""
The relay takes Safaricom's callbacks at a public address, keeps them in one log for each shop, and hands them to the
shop's tills in order and without loss. The same log comes over the websocket `{protocol.CONNECT_PATH}`, which
`asyncapi.json` describes; `manual.md` says how to use both.

Any other path is answered 404, and so is a path of `/v1` that is asked with another method; under `/h` that is 405.
A body may have {MAX_BODY // 1024} KiB. New fields may be added to what is answered: leave alone what you do not know.
"""

_PARAMETERS: dict[str, Document] = {
    "key": {"description": "The shop's secret.", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
    "nonce": {
        "description": "Made by the till before it asked Safaricom. One that it did not make is kept, as quarantined.",
        "schema": {"type": "string", "minLength": 1, "example": "a1f0c2d3e4b5968778695a4b3c2d1e0f"},
    },
    "stream": {"description": "As it was said when the till was paired.", "schema": {"type": "string"}},
}
_CURSOR: dict[str, Document] = {
    "epoch": {"description": "Empty for a till that has nothing yet.", "schema": {"type": "string", "default": ""}},
    "after": {
        "description": "The seq of the last event that the till has applied.",
        "schema": {"type": "integer", "minimum": 0, "default": 0},
    },
    "chain": {"description": "The chain at that seq.", "schema": {"type": "string", "default": protocol.GENESIS}},
    "wait": {
        "description": "How long to wait for the first event, in seconds; more than 55 is 55.",
        "schema": {"type": "number", "minimum": 0, "default": 25},
    },
}


def document() -> Document:
    bodies = list(_bodies())
    schemas, components = msgspec.json.schema_components(bodies, ref_template=_REF)
    of = {str(body): schema for body, schema in zip(bodies, schemas, strict=True)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Till relay", "version": str(protocol.VERSION), "description": cleandoc(_INTRODUCTION)},
        "servers": [{"url": "https://relay.example.com"}],
        "tags": [{"name": name, "description": means} for name, means in MEANS.items()],
        "paths": _paths(of),
        "components": {
            "schemas": {name: tidied(schema) for name, schema in components.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def tidied(schema: Any) -> Any:
    """Docstrings without their indentation; pairs spelt so that every version of JSON Schema reads them."""
    if isinstance(schema, list):
        return [tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("description"), str):
        schema = schema | {"description": cleandoc(schema["description"])}
    if "prefixItems" in schema:
        schema = schema | {"items": schema["prefixItems"][0]}
    return {name: tidied(value) for name, value in schema.items() if name != "prefixItems"}


def _bodies() -> Iterator[Any]:
    for route in ROUTES:
        if route.asks is not None:
            yield route.asks
        yield from (answer.body for answer in route.answers)


def _paths(of: Document) -> Document:
    paths: Document = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, of)
    return paths


def _operation(route: Route, of: Document) -> Document:
    made: Document = {
        "operationId": route.name,
        "tags": [route.who],
        "summary": route.means,
        "responses": {str(answer.status): _response(answer, of) for answer in route.answers},
    }
    if parameters := list(_parameters(route)):
        made["parameters"] = parameters
    if route.asks is not None:
        made["requestBody"] = {"required": route.asks is not Any, "content": _json(of[str(route.asks)])}
    if route.who == TILL:
        made["security"] = [{"token": []}]
    return made


def _parameters(route: Route) -> Iterator[Document]:
    for name in re.findall(r"{(\w+)}", route.path):
        yield {"name": name, "in": "path", "required": True, **_PARAMETERS[name]}
    if route.path.startswith(protocol.EVENTS_PATH):
        yield from ({"name": name, "in": "query", **said} for name, said in _CURSOR.items())


def _response(answer: Answer, of: Document) -> Document:
    schema = of[str(answer.body)]
    if answer.errors:
        schema = {"allOf": [schema, {"properties": {"error": {"enum": list(answer.errors)}}}]}
    content = {"text/plain": {"schema": schema}} if answer.body is str else _json(schema)
    return {"description": answer.means, "content": content}


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}
