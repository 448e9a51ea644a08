"""The composition root of the console: which page is where, who may see it, and what every answer carries.

It must not know what stands on a page. A form is taken only from the page that this browser was given, by its token,
its origin and its cookie.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from relay.console import assets, frame, sessions
from relay.console.asked import Asked, FormRefusedError, form_of
from relay.console.door import Door
from relay.console.gate import Gate
from relay.console.health import Health
from relay.console.held import Heldback
from relay.console.markup import html
from relay.console.origins import Origins
from relay.console.parts import Parts
from relay.console.passwords import Passwords
from relay.console.record import Record
from relay.console.sessions import Session
from relay.console.shop import Shop
from relay.console.shops import Shops
from relay.console.till import Till
from relay.console.tills import Tills
from relay.http import client_ip
from relay.log import UnavailableError
from relay.overload import CALM_SECONDS, Level

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    # With no-referrer a browser also hides where a form comes from, and then there is nothing to check.
    b"referrer-policy": b"same-origin",
}
_NO_STORE = (b"cache-control", b"no-store")

Act = Callable[[Asked], Awaitable[Response]]

logger = logging.getLogger("relay.console")


class Console:
    """The ASGI application of the console's own listener; to be closed."""

    def __init__(self, parts: Parts, url: str) -> None:
        """`url` is where operators reach it, if that is not this computer."""
        self._origins = Origins(url)
        self._proxies = parts.settings.trusted_proxies
        self._overload = parts.overload
        self._passwords = Passwords()
        self._gate = Gate(parts.log, self._passwords)
        self._door = Door(self._gate, secure=self._origins.secure)
        failures = dict.fromkeys((UnavailableError, SQLAlchemyError, OSError), _unavailable)
        self._app = Starlette(routes=self._routes(parts), exception_handlers={404: _no_page, 500: _failed, **failures})

    def close(self) -> None:
        self._passwords.close()

    def _routes(self, parts: Parts) -> list[BaseRoute]:
        shops, shop, held = Shops(parts), Shop(parts, self._gate), Heldback(parts, self._gate)
        tills, till = Tills(parts), Till(parts)
        pages: list[tuple[str, str, Act]] = [
            ("GET", "/shops", shops.listed),
            ("POST", "/shops", shops.add),
            ("GET", "/shops/{stream}", shop.shown),
            ("POST", "/shops/{stream}/invitations", shop.invite),
            ("POST", "/shops/{stream}/callback-path", shop.callback_path),
            ("GET", "/tills", tills.listed),
            ("GET", "/tills/{till}/revoke", till.ask_revoke),
            ("POST", "/tills/{till}/revoke", till.revoke),
            ("GET", "/tills/{till}/read-again", till.ask_from),
            ("POST", "/tills/{till}/read-again", till.read_again),
            ("GET", "/held", held.listed),
            ("GET", "/held/{stream}/{seq}", held.shown),
            ("POST", "/held/{stream}/{seq}/believe", held.believe),
            ("GET", "/health", Health(parts).shown),
            ("GET", "/record", Record(parts).shown),
            ("POST", "/sign-out", self._door.sign_out),
            ("POST", "/sign-out-everywhere", self._door.sign_out_everywhere),
        ]
        return [
            *assets.routes(),
            Route("/console", partial(_moved, "/console/shops"), methods=["GET"]),
            Route("/console/sign-in", self._sign_in, methods=["GET", "POST"]),
            *(Route(f"/console{path}", self._signed(act), methods=[method]) for method, path, act in pages),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = _Told(send, secure=self._origins.secure)
        if not self._origins.knows_host(Request(scope).headers.get("host", "")):
            await PlainTextResponse("The console is not reached by that name.", 421)(scope, receive, told)
        elif not assets.is_one(scope["path"]) and self._overload.sheds(Level.CONSOLE):
            await _busy()(scope, receive, told)
        else:
            await self._app(scope, receive, told)

    def _signed(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            session_id, address = self._door.session_id(request), client_ip(request.scope, self._proxies)
            stirs = "x-refresh" not in request.headers
            session = await self._gate.session(session_id, address, stirs=stirs) if session_id else None
            if session is None:
                return RedirectResponse(f"/console/sign-in{'?over=1' if session_id else ''}", 303)
            if request.method != "POST":
                return await act(_asked(request, session, {}))
            form = await self._own_form(request, session.id)
            return await act(_asked(request, session, form)) if form is not None else _not_ours(session)

        return endpoint

    async def _sign_in(self, request: Request) -> Response:
        if request.method != "POST":
            return await self._door.shown(request)
        browser = self._door.browser_id(request)
        form = await self._own_form(request, browser) if browser else None
        if form is None:
            return await self._door.shown(request, "That form was not of this page. Nobody was signed in.", 403)
        return await self._door.sign_in(request, client_ip(request.scope, self._proxies), form)

    async def _own_form(self, request: Request, bound_to: str) -> dict[str, str] | None:
        """None for one that our own page, in this browser, did not send."""
        if not self._origins.is_own(request.headers.get("origin", ""), request.headers.get("host", "")):
            return None
        try:
            form = await form_of(request)
        except FormRefusedError:
            return None
        return form if sessions.token_is_right(bound_to, form.pop("token", "")) else None


class _Told:
    """Sends what is sent, with the headers that every answer has; assets say themselves how long they keep."""

    def __init__(self, send: Send, *, secure: bool) -> None:
        self._send = send
        self._secure = secure

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *_HEADERS.items()]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(_NO_STORE)
            if self._secure:
                headers.append((b"strict-transport-security", b"max-age=31536000"))
            message = {**message, "headers": headers}
        await self._send(message)


def _asked(request: Request, session: Session, form: dict[str, str]) -> Asked:
    path = {name: str(value) for name, value in request.path_params.items()}
    return Asked(session, path, dict(request.query_params), form)


async def _moved(to: str, _request: Request) -> Response:
    return RedirectResponse(to, 303)


def _not_ours(session: Session) -> Response:
    said = html("<p>That form was not of a page that you have open here, or it is too old. Nothing was done.</p>")
    body = [said, frame.link("/console/shops", "To the shops", "button")]
    return frame.page("Not taken", body, session, status=403)


async def _unavailable(request: Request, error: Exception) -> Response:
    logger.error("%s failed: %s", request.url.path, type(error).__name__)
    said = html(
        "<p>The relay’s database does not answer just now. Whether callbacks are stored, the relay’s own health "
        "address <code>/readyz</code> says. What you asked for may or may not have been done: look before you ask "
        "for it again.</p>"
    )
    return frame.page(
        "Not possible now", [said, frame.link("/console/health", "Try again", "button")], None, status=503
    )


def _busy() -> Response:
    said = html("<p>The relay is busy with callbacks, which come first. Nothing that you asked for was done.</p>")
    body = [said, frame.link("/console/health", "Try again", "button")]
    made = frame.page("In a few seconds", body, None, status=503)
    made.headers["retry-after"] = str(round(CALM_SECONDS))
    return made


async def _no_page(_request: Request, _error: Exception) -> Response:
    return frame.page("Nothing here", [frame.link("/console/shops", "To the shops", "button")], None, status=404)


async def _failed(_request: Request, _error: Exception) -> Response:
    said = html("<p>The console failed at this. Payments are not touched by it; the relay’s log says more.</p>")
    return frame.page(
        "That went wrong", [said, frame.link("/console/shops", "To the shops", "button")], None, status=500
    )
