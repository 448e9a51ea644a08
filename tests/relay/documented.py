"""An answer of the relay held against what its OpenAPI page says of it, to the last field."""

import json
import re
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from relay.manual import openapi
from relay.manual.routes import ROUTES, Route

Said = tuple[str, int, str]
"""Route, status and error."""


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A field that is not documented is a fault too, though a reader must take it."""
    return {"additionalProperties": False, **schema} if "properties" in schema else schema


_document = openapi.document()
_schemas = {name: _strict(schema) for name, schema in _document["components"]["schemas"].items()}


def _matcher(path: str) -> re.Pattern[str]:
    return re.compile(
        "".join("[^/]*" if part.startswith("{") else re.escape(part) for part in re.split("({.*?})", path))
    )


_routes = [(route, _matcher(route.path)) for route in ROUTES]


def route_of(method: str, path: str) -> Route | None:
    asked = path.partition("?")[0]
    found = (route for route, matcher in _routes if route.method == method and matcher.fullmatch(asked))
    return next(found, None)


def held(method: str, path: str, status: int, body: bytes) -> Said:
    """AssertionError for an answer that the page does not know; else which one it is."""
    route = route_of(method, path)
    assert route is not None, f"{method} {path} is not documented"
    return _held(route, status, body)


@lru_cache(4096)
def _held(route: Route, status: int, body: bytes) -> Said:
    responses = _document["paths"][route.path][route.method.lower()]["responses"]
    assert str(status) in responses, f"{route.name} answered {status}: {body[:200]!r}"
    content = responses[str(status)]["content"]
    if "text/plain" in content:
        return route.name, status, ""
    schema = content["application/json"]["schema"]
    said = json.loads(body)
    Draft202012Validator({**schema, "components": {"schemas": _schemas}}).validate(said)
    return route.name, status, said.get("error", "") if isinstance(said, dict) else ""


def promised() -> set[Said]:
    """Every answer that the page says there is; where any words are possible, the error is empty."""
    return {
        (route.name, answer.status, error)
        for route in ROUTES
        for answer in route.answers
        for error in answer.errors or ("",)
    }
