"""The websocket as AsyncAPI 3: the frames with their schemas and examples, close codes, order.

It must not know what a frame is for: that stands in the lists.
"""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import msgspec

from relay import protocol
from relay.manual.frames import CLOSE_CODES, FROM_RELAY, FROM_TILL, ORDER, FrameKind
from relay.manual.openapi import tidied

Document = dict[str, Any]

_INTRODUCTION = f"""
One shop's log, live, over a websocket with the subprotocol `{protocol.SUBPROTOCOL}`: text frames, each one JSON object
whose `t` says what it is. A till sends frames of at most 64 KiB and must take frames of
{protocol.MAX_FRAME_BYTES // 1024} KiB. `openapi.json` describes the rest, `manual.md` says how to use both.

Send and receive are said from the relay's side.
"""


def document() -> Document:
    kinds = FROM_TILL + FROM_RELAY
    types = [type(kind.example) for kind in kinds]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Till relay feed",
            "version": str(protocol.VERSION),
            "description": cleandoc(_INTRODUCTION),
        },
        "defaultContentType": "application/json",
        "servers": {
            "relay": {
                "host": "relay.example.com",
                "protocol": "wss",
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {"feed": _channel(kinds)},
        "operations": dict([*_operations("receive", FROM_TILL), *_operations("send", FROM_RELAY)]),
        "components": {
            "messages": {_tag(kind): _message(kind) for kind in kinds},
            "schemas": {name: tidied(schema) for name, schema in schemas.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _channel(kinds: tuple[FrameKind, ...]) -> Document:
    subprotocol = {"type": "string", "const": protocol.SUBPROTOCOL}
    headers = {"type": "object", "required": ["Sec-WebSocket-Protocol"]}
    return {
        "address": protocol.CONNECT_PATH,
        "description": "\n".join(f"{number}. {rule}" for number, rule in enumerate(ORDER, 1)),
        "messages": {_tag(kind): {"$ref": f"#/components/messages/{_tag(kind)}"} for kind in kinds},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": headers | {"properties": {"Sec-WebSocket-Protocol": subprotocol}},
                "bindingVersion": "0.1.0",
            }
        },
        "x-close-codes": [
            {"code": code, "means": means, "comes_back": not protocol.closes_for_good(code)}
            for code, means in CLOSE_CODES.items()
        ],
    }


def _operations(action: str, kinds: tuple[FrameKind, ...]) -> Iterator[tuple[str, Document]]:
    for kind in kinds:
        yield (
            f"{action}_{_tag(kind)}",
            {
                "action": action,
                "channel": {"$ref": "#/channels/feed"},
                "messages": [{"$ref": f"#/channels/feed/messages/{_tag(kind)}"}],
            },
        )


def _message(kind: FrameKind) -> Document:
    return {
        "name": _tag(kind),
        "summary": kind.means,
        "payload": {"$ref": f"#/components/schemas/{type(kind.example).__name__}"},
        "examples": [{"payload": msgspec.json.decode(protocol.encode(kind.example))}],
    }


def _tag(kind: FrameKind) -> str:
    return str(type(kind.example).__struct_config__.tag)
