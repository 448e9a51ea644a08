"""One request of a signed-in operator, read and judged: whose it is, what its form holds, and that the form is ours.

It must not know any page.
"""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

from relay.console.sessions import Session
from relay.stores.operator_record import Act

MOST_BYTES = 16 * 1024
MOST_FIELDS = 20
BODY_SECONDS = 3.0


class FormRefusedError(Exception):
    """Too long, too slow, unreadable, or gone."""


@dataclass(frozen=True)
class Asked:
    session: Session
    path: dict[str, str]
    query: dict[str, str]
    form: dict[str, str]

    def text(self, name: str, most: int) -> str:
        return self.form.get(name, "").strip()[:most]

    def number(self, name: str, default: int = 0) -> int:
        """Of the address; what is no number is the default."""
        said = self.query.get(name, "")
        return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else default

    def act(self, action: str, subject: str = "", detail: str = "") -> Act:
        """As the record keeps it."""
        return Act(self.session.operator, self.session.address, action, subject, detail)

    @property
    def now_ms(self) -> int:
        return int(time.time() * 1000)


async def form_of(request: Request) -> dict[str, str]:
    """The last value of each name."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _body(request)
        return {
            name: said[-1]
            for name, said in parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS).items()
        }
    except (TimeoutError, ClientDisconnect, UnicodeDecodeError, ValueError) as error:
        raise FormRefusedError from error


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise FormRefusedError
    return body
