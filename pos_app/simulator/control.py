"""The control API under /simulator/: what a test, a demonstration or the phone page asks and tells the simulator.

It must not know Daraja's own paths. Everything is JSON; a refusal is `{"error": "..."}` with 4xx.
"""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pos_app.simulator import books, customer_views, views
from pos_app.simulator.choosing import boolean, choose, seconds
from pos_app.simulator.courier import Courier
from pos_app.simulator.customer_control import CustomerControl
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.fields import parse
from pos_app.simulator.initiator.control import InitiatorControl, operation_view
from pos_app.simulator.scenarios import scenario

_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
_FRESH = {"cache-control": "no-store"}

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
            "ledger": lambda request: books.ledger(core, request.query_params),
            "balance": lambda request: books.balance(core, request.query_params),
            "statement": lambda request: _csv("statement.csv", books.statement_csv(core, request.query_params)),
            "operator": lambda _: InitiatorControl(core).state(),
            "operations": lambda _: [operation_view(one) for one in core.initiator.operations.all],
            "operator/certificate": lambda _: Response(core.operator.certificate, media_type="application/x-pem-file"),
            "c2b": lambda _: customer_views.state(core),
            "c2b/payments": lambda _: [customer_views.customer_payment(paid) for paid in core.customer_payments],
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
            **CustomerControl(core).commands(),
            **InitiatorControl(core).commands(),
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
            if done is False:
                return _error(409, "that prompt is no longer open")
            return JSONResponse({"done": True, **(done if isinstance(done, dict) else {})})

        return endpoint

    def _act(self, fields: dict[str, Any]) -> bool:
        """By CheckoutRequestID, or on whatever prompt a phone shows."""
        wanted = fields.get("checkout_request_id") or self._shown_on(str(fields["phone"]))
        return self._core.act(str(wanted), str(fields["action"]))

    def _shown_on(self, phone: str) -> str:
        return next((push.checkout_request_id for push in self._core.prompts() if push.order.phone == phone), "")

    def _scenario(self, fields: dict[str, Any]) -> None:
        choose(self._core.script, fields, scenario, self._core.default)

    def _confirmation_url(self, fields: dict[str, Any]) -> None:
        self._core.set_confirmation_url(fields["url"], fields.get("shortcode"))

    def _offline(self, fields: dict[str, Any]) -> None:
        self._core.offline = boolean(fields["offline"])

    def _fault(self, fields: dict[str, Any]) -> None:
        if fields["fault"] is None:
            self._core.faults.clear(str(fields["endpoint"]))
        else:
            self._core.faults.set(str(fields["endpoint"]), str(fields["fault"]), fields.get("times"))

    def _advance(self, fields: dict[str, Any]) -> None:
        self._core.clock.advance(seconds(fields["seconds"]))


async def _page(_request: Request) -> Response:
    return HTMLResponse(files(__package__).joinpath("page.html").read_text("utf-8"), headers=_PAGE_HEADERS)


def _asked(view: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            seen = view(request)
        except KeyError as missing:
            return _error(400, f"{missing.args[0]} is missing")
        except ValueError as wrong:
            return _error(400, str(wrong))
        return seen if isinstance(seen, Response) else JSONResponse(seen, headers=_FRESH)

    return endpoint


def _csv(name: str, text: str) -> Response:
    return Response(
        text, headers={**_FRESH, "content-disposition": f'attachment; filename="{name}"'}, media_type="text/csv"
    )


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)
