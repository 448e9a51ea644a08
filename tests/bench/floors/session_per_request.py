"""What most would write: a validated body, a SQLModel session and a commit per request, on Starlette.

FastAPI is not among this project's packages; this is what SQLModel's documented style does per request, without
FastAPI's own part. There the session is a dependency: it is opened, used and closed by three turns of worker threads,
and closed by one beside the pool, whose threads may all be waiting for a connection.
"""

import argparse
from typing import Annotated

import serving
from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, StringConstraints
from pydantic import Field as Aliased
from sqlalchemy import Engine, event
from sqlmodel import Field, Session, SQLModel, create_engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_Text = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Item(BaseModel):
    Name: str
    Value: int | float | str | None = None


class Metadata(BaseModel):
    Item: list[Item]


class StkCallback(BaseModel):
    MerchantRequestID: _Text
    CheckoutRequestID: _Text
    ResultCode: int | str
    ResultDesc: str
    CallbackMetadata: Metadata | None = None


class Envelope(BaseModel):
    callback: StkCallback = Aliased(alias="stkCallback")


class Callback(BaseModel):
    Body: Envelope


class CallbackRow(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    checkout: str = Field(unique=True)
    nonce: str
    body: str


def _engine(path: str) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 30})

    @event.listens_for(engine, "connect")
    def _(connection: object, _record: object) -> None:
        for setting in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {setting}").fetchall()  # type: ignore[attr-defined]

    SQLModel.metadata.create_all(engine)
    return engine


def made(path: str) -> Starlette:
    engine = _engine(path)

    def store(session: Session, callback: Callback, nonce: str, body: str) -> None:
        row = CallbackRow(checkout=callback.Body.callback.CheckoutRequestID, nonce=nonce, body=body)
        checked = CallbackRow.model_validate(row)
        session.add(checked)
        session.commit()
        session.refresh(checked)

    async def take(request: Request) -> JSONResponse:
        body = await request.body()
        callback = Callback.model_validate_json(body)
        session = await run_in_threadpool(Session, engine)
        try:
            await run_in_threadpool(store, session, callback, request.path_params["nonce"], body.decode())
        finally:
            await to_thread.run_sync(session.close, limiter=CapacityLimiter(1))
        return JSONResponse({"ResultCode": 0, "ResultDesc": "Accepted"})

    return Starlette(routes=[Route("/h/{key}/stk/{nonce}", take, methods=["POST"])])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    given = parser.parse_args()
    serving.run(lambda: made(given.store))
