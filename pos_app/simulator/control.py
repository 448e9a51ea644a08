"""The control API under /simulator/: what a test, a demonstration or the phone page asks and tells the simulator.

It must not know Daraja's own paths. Everything is JSON; a refusal is `{"error": "..."}` with 4xx.
"""

from collections.abc import Callable
from importlib.resources import files
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pos_app.simulator import views
from pos_app.simulator.courier import Courier
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.fields import digits, parse
from pos_app.simulator.scenarios import Scenario, scenario

_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
_LEDGER_FILTERS = ("payer", "reference", "shortcode", "checkout_request_id")

Key = TypeVar("Key", str, int)
Told = Callable[[dict[str, Any]], Any]


class Control:
    def __init__(self, core: Daraja, courier: Courier) -> None:
        self._core = core
        self._courier = courier

    def routes(self) -> list[Route]:
        core = self._core
        asked: dict[str, Callable[[Request], Any]] = {
            "state": lambda _: views.state(core),
            "prompts": lambda _: [views.push_view(push) for push in core.prompts()],
            "pushes": lambda _: [views.push_view(push) for push in core.pushes],
            "callbacks": lambda _: [views.delivery_view(delivery) for delivery in core.deliveries],
            "scenarios": lambda _: views.scenarios(core),
            "ledger": lambda request: views.ledger(core, _filters(request)),
        }
        told: dict[str, Told] = {
            "act": self._act,
            "scenario": self._scenario,
            "token/invalidate": lambda _: core.tokens.invalidate(),
            "confirmation-url": self._confirmation_url,
            "offline": self._offline,
            "fault": self._fault,
            "advance": self._advance,
            "reset": lambda _: core.reset(),
        }
        return [
            Route("/", _page, methods=["GET"]),
            *(Route(f"/simulator/{name}", _asked(view), methods=["GET"]) for name, view in asked.items()),
            *(Route(f"/simulator/{name}", self._told(command), methods=["POST"]) for name, command in told.items()),
        ]

    def _told(self, command: Told) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            # A browser may not send this type to another site unasked, so no foreign page can play the customer.
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                return _error(415, "send application/json")
            fields = parse(await request.body() or b"{}")
            if fields is None:
                return _error(400, "the body is no JSON object")
            try:
                done = command(fields)
            except KeyError as missing:
                return _error(400, f"{missing.args[0]} is missing")
            except (ValueError, TypeError) as wrong:
                return _error(400, str(wrong))
            self._courier.wake()
            return _error(409, "that prompt is no longer open") if done is False else JSONResponse({"done": True})

        return endpoint

    def _act(self, fields: dict[str, Any]) -> bool:
        """By CheckoutRequestID, or on whatever prompt a phone shows."""
        wanted = fields.get("checkout_request_id") or self._shown_on(str(fields["phone"]))
        return self._core.act(str(wanted), str(fields["action"]))

    def _shown_on(self, phone: str) -> str:
        return next((push.checkout_request_id for push in self._core.prompts() if push.order.phone == phone), "")

    def _scenario(self, fields: dict[str, Any]) -> None:
        """For a phone, an amount or the next pushes (`next` says how many); else the default. Null forgets a choice."""
        script = self._core.script
        chosen = None if fields["scenario"] is None else scenario(fields["scenario"])
        if "phone" in fields:
            _choose(script.by_phone, _number("phone", fields["phone"], 12), chosen)
        elif "amount" in fields:
            _choose(script.by_amount, int(_number("amount", fields["amount"], 6)), chosen)
        elif "next" in fields:
            script.queue = [*script.queue, *[chosen] * int(fields["next"])] if chosen else []
        else:
            script.default = chosen or self._core.default

    def _confirmation_url(self, fields: dict[str, Any]) -> None:
        self._core.set_confirmation_url(fields["url"], fields.get("shortcode"))

    def _offline(self, fields: dict[str, Any]) -> None:
        self._core.offline = _boolean(fields["offline"])

    def _fault(self, fields: dict[str, Any]) -> None:
        if fields["fault"] is None:
            self._core.faults.clear(str(fields["endpoint"]))
        else:
            self._core.faults.set(str(fields["endpoint"]), str(fields["fault"]), fields.get("times"))

    def _advance(self, fields: dict[str, Any]) -> None:
        seconds = float(fields["seconds"])
        if not 0 <= seconds < 1e9:
            raise ValueError("time goes forward")
        self._core.clock.advance(seconds)


async def _page(_request: Request) -> Response:
    return HTMLResponse(files(__package__).joinpath("page.html").read_text("utf-8"), headers=_PAGE_HEADERS)


def _asked(view: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(view(request), headers={"cache-control": "no-store"})

    return endpoint


def _filters(request: Request) -> dict[str, str]:
    return {name: request.query_params[name] for name in _LEDGER_FILTERS if name in request.query_params}


def _choose(choices: dict[Key, Scenario], key: Key, chosen: Scenario | None) -> None:
    if chosen is None:
        choices.pop(key, None)
    else:
        choices[key] = chosen


def _number(name: str, value: object, longest: int) -> str:
    text = digits(value)
    if not 0 < len(text) <= longest:
        raise ValueError(f"the {name} must be digits only, as 254712345678 or 150")
    return text


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)
