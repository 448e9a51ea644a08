"""The page on which operators sign in, and the two cookies: the session's, and the one that a browser is known by.

It must not know passwords. Both are for this site alone and for no script; an id that a browser came with is never the
id of the session that it gets.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from relay.console import frame
from relay.console.asked import Asked
from relay.console.frame import Notice
from relay.console.gate import Admitted, Caller, Gate
from relay.console.markup import html
from relay.console.sessions import BROWSER_MS, form_token, is_id, new_id

_OVER = "You are signed out: fifteen minutes without use, or eight hours. Nothing that you sent since was done."
_NOBODY = "Nobody can sign in yet. On the relay’s computer, run: python -m relay operator add NAME"


class Door:
    def __init__(self, gate: Gate, *, secure: bool) -> None:
        self._gate = gate
        self._secure = secure
        # A browser takes a cookie of that prefix only by https, for the whole site, from that very host.
        prefix = "__Host-" if secure else ""
        self._session = f"{prefix}relay-console"
        self._browser = f"{prefix}relay-console-browser"

    def session_id(self, request: Request) -> str:
        """Empty where there is none that could be one."""
        return _id(request.cookies.get(self._session, ""))

    def browser_id(self, request: Request) -> str:
        return _id(request.cookies.get(self._browser, ""))

    async def shown(self, request: Request, wrong: str = "", status: int = 200, name: str = "") -> Response:
        browser = self.browser_id(request) or new_id()
        body = [
            html(
                '<form method="post" action="/console/sign-in" class="panel">{token}{name}{password}{go}</form>',
                token=frame.token(form_token(browser)),
                name=frame.field(
                    "Name",
                    "name",
                    value=name,
                    attributes=html(' required maxlength="32" autocomplete="username" autocapitalize="none"'),
                ),
                password=frame.field(
                    "Password",
                    "password",
                    kind="password",
                    attributes=html(' required maxlength="200" autocomplete="current-password"'),
                ),
                go=frame.button("Sign in"),
            )
        ]
        page = frame.page("Sign in", body, None, await self._notice(request, wrong), status=status)
        self._set(page, self._browser, browser, BROWSER_MS // 1000)
        return page

    async def _notice(self, request: Request, wrong: str) -> Notice | None:
        if wrong:
            return Notice("wrong", wrong)
        if not await self._gate.somebody_may_sign_in():
            return Notice("care", _NOBODY)
        return Notice("care", _OVER) if request.query_params.get("over") else None

    async def sign_in(self, request: Request, address: str, form: dict[str, str]) -> Response:
        name, password = form.get("name", ""), form.get("password", "")
        caller = Caller(address, self.browser_id(request), self.session_id(request))
        done = await self._gate.sign_in(caller, name, password)
        if not isinstance(done, Admitted):
            return await self.shown(request, done.sentence, done.status, name[:32])
        moved = RedirectResponse("/console/shops", 303)
        self._set(moved, self._session, done.session)
        self._set(moved, self._browser, done.browser, BROWSER_MS // 1000)
        return moved

    async def sign_out(self, asked: Asked) -> Response:
        await self._gate.sign_out(asked.session)
        return self._out()

    async def sign_out_everywhere(self, asked: Asked) -> Response:
        await self._gate.sign_out_everywhere(asked.session)
        return self._out()

    def _out(self) -> Response:
        moved = RedirectResponse("/console/sign-in", 303)
        moved.delete_cookie(self._session, secure=self._secure, httponly=True, samesite="strict")
        return moved

    def _set(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        response.set_cookie(name, value, max_age=seconds, secure=self._secure, httponly=True, samesite="strict")


def _id(text: str) -> str:
    return text if is_id(text) else ""
