"""The real relay, whose server also sends back what comes to the websocket /echo: the echo of the same server.

It changes nothing else of the relay.
"""

import sys

from relay import __main__ as command
from relay import app, server
from relay.http import Receive, Scope, Send


class EchoingRelay(app.Relay):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"] == "/echo":
            await echo(receive, send)
        else:
            await super().__call__(scope, receive, send)


async def echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


if __name__ == "__main__":
    setattr(server, "Relay", EchoingRelay)  # noqa: B010 (it is the name that the server opens)
    sys.exit(command.main())
