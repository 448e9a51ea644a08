"""The simulator over real HTTP: Daraja's paths, broken connections, callbacks, control API, page and command."""

import json
import re
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest

from pos_app.simulator.daraja import PUSH_PATH, QUERY_PATH, TOKEN_PATH

RUN = """
import argparse, sys
from pos_app.simulator import server
parser = argparse.ArgumentParser()
server.add_arguments(parser)
sys.exit(server.run(parser.parse_args()))
"""


def tell(web: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return web.post(f"/simulator/{path}", json=body)


def push(web: httpx.Client, caller: Any, **changes: Any) -> httpx.Response:
    token = web.get(TOKEN_PATH, params={"grant_type": "client_credentials"}, headers={"authorization": caller.basic()})
    caller.bearer = token.json()["access_token"]
    return web.post(PUSH_PATH, json=caller.fields(**changes), headers={"authorization": f"Bearer {caller.bearer}"})


def test_a_prompt_is_approved_and_the_shop_is_called_back(web: httpx.Client, caller: Any, receiver: Any) -> None:
    tell(web, "confirmation-url", url=f"{receiver.url}/c2b")
    accepted = push(web, caller, CallBackURL=f"{receiver.url}/stk")
    assert accepted.status_code == 200
    assert accepted.headers["content-type"] == "application/json;charset=UTF-8"
    (prompt,) = web.get("/simulator/prompts").json()
    assert prompt["checkout_request_id"] == accepted.json()["CheckoutRequestID"]
    assert tell(web, "act", phone="254712345678", action="approve").status_code == 200
    path, headers, body = receiver.got.get(timeout=10)
    assert (path, headers["businessshortcode"]) == ("/stk", "174379")
    assert body["Body"]["stkCallback"]["ResultCode"] == 0
    assert tell(web, "advance", seconds=1).status_code == 200
    assert receiver.got.get(timeout=10)[0] == "/c2b"
    books = web.get("/simulator/ledger", params={"payer": "254712345678"}).json()
    assert (books["paid"], books["sum"], len(books["entries"])) == (150, 0, 2)
    assert web.get("/simulator/ledger", params={"reference": "x"}).json()["paid"] == 0
    assert tell(web, "act", phone="254712345678", action="approve").status_code == 409
    query = web.post(
        QUERY_PATH,
        json={**caller.fields(), "CheckoutRequestID": prompt["checkout_request_id"]},
        headers={"authorization": f"Bearer {caller.bearer}"},
    )
    assert query.json()["ResultCode"] == "0"


def test_nothing_is_sent_again_whatever_is_answered(web: httpx.Client, caller: Any, receiver: Any) -> None:
    receiver.status = 500
    tell(web, "scenario", scenario="decline")
    push(web, caller, CallBackURL=f"{receiver.url}/stk")
    tell(web, "advance", seconds=3)
    receiver.got.get(timeout=10)
    tell(web, "advance", seconds=86_400)
    tell(web, "scenario", scenario="approve+callback_before_reply")
    push(web, caller, CallBackURL="http://127.0.0.1:9/nobody")
    callbacks = web.get("/simulator/callbacks").json()
    assert [(one["status"], one["error"]) for one in callbacks] == [(500, ""), (None, "ConnectError")]
    assert json.loads(callbacks[0]["body"])["Body"]["stkCallback"]["ResultCode"] == 1032
    assert receiver.got.empty()


def test_a_callback_before_the_reply_has_arrived_when_the_reply_does(
    web: httpx.Client, caller: Any, receiver: Any
) -> None:
    tell(web, "scenario", scenario="approve+callback_before_reply")
    assert push(web, caller, CallBackURL=f"{receiver.url}/stk").status_code == 200
    assert receiver.got.get_nowait()[0] == "/stk"


def test_a_lost_reply_breaks_the_connection_though_the_phone_rings(web: httpx.Client, caller: Any) -> None:
    tell(web, "scenario", scenario="ask+reply_lost")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        push(web, caller)
    assert len(web.get("/simulator/prompts").json()) == 1


def test_a_hanging_reply_outlasts_the_callers_patience(web: httpx.Client, caller: Any) -> None:
    tell(web, "scenario", scenario="ask+reply_hangs")
    with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=web.base_url, timeout=0.5, trust_env=False) as hasty:
        push(hasty, caller)
    assert len(web.get("/simulator/pushes").json()) == 1


def test_offline_breaks_every_daraja_path_but_not_the_control(web: httpx.Client, caller: Any) -> None:
    tell(web, "offline", offline=True)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        push(web, caller)
    assert web.get("/simulator/state").json()["offline"]
    tell(web, "offline", offline=False)
    assert push(web, caller).status_code == 200


def test_scenarios_are_set_and_forgotten(web: httpx.Client) -> None:
    tell(web, "scenario", scenario="decline", phone="254712345678")
    tell(web, "scenario", scenario="no_money", amount="150")
    tell(web, "scenario", scenario={"preset": "approve", "callback_copies": 3}, next=2)
    tell(web, "scenario", scenario="unreachable")
    assert web.get("/simulator/scenarios").json() == {
        "default": {"outcome": "1037", "answer_after": 26.0},
        "phones": {"254712345678": {"outcome": "1032"}},
        "amounts": {"150": {"outcome": "1"}},
        "queue": [{"callback_copies": 3}] * 2,
    }
    for where in ({"phone": "254712345678"}, {"amount": 150}, {"next": 1}, {}):
        assert tell(web, "scenario", scenario=None, **where).status_code == 200
    assert web.get("/simulator/scenarios").json() == {
        "default": {"outcome": "ask", "answer_after": 60.0},
        "phones": {},
        "amounts": {},
        "queue": [],
    }


def test_tokens_faults_and_reset_by_control(web: httpx.Client, caller: Any) -> None:
    push(web, caller)
    tell(web, "token/invalidate")
    headers = {"authorization": f"Bearer {caller.bearer}"}
    assert web.post(PUSH_PATH, json=caller.fields(), headers=headers).json()["errorCode"] == "404.001.03"
    tell(web, "fault", endpoint="push", fault="waf_403", times=1)
    assert push(web, caller).status_code == 403
    tell(web, "fault", endpoint="query", fault="quota")
    tell(web, "fault", endpoint="query", fault=None)
    assert web.get("/simulator/state").json()["faults"] == {}
    tell(web, "reset")
    assert web.get("/simulator/pushes").json() == []
    assert web.post("/mpesa/nothing", json={}).json()["errorCode"] == "404.001.01"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("act", {"action": "approve"}),
        ("act", {"phone": "254712345678", "action": "eat"}),
        ("scenario", {}),
        ("scenario", {"scenario": "x"}),
        ("scenario", {"scenario": "approve", "amount": "x"}),
        ("scenario", {"scenario": "approve", "phone": "+254712345678"}),
        ("scenario", {"scenario": "approve", "amount": ""}),
        ("scenario", {"scenario": 5}),
        ("advance", {"seconds": -1}),
        ("advance", {"seconds": "nan"}),
        ("offline", {"offline": "yes"}),
        ("fault", {"endpoint": "x", "fault": "lost"}),
    ],
)
def test_a_wrong_command_is_refused_with_a_sentence(web: httpx.Client, path: str, body: dict[str, Any]) -> None:
    reply = tell(web, path, **body)
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_commands_are_json_so_that_no_foreign_page_can_give_them(web: httpx.Client) -> None:
    assert web.post("/simulator/reset", content=b"{}").status_code == 415
    headers = {"content-type": "application/json"}
    assert web.post("/simulator/reset", content=b"[]", headers=headers).status_code == 400


def test_the_page_is_one_file_that_sets_names_as_text_only(web: httpx.Client) -> None:
    page = web.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for word in ("Approve", "Decline", "Wrong PIN", "No money", "Ignore"):
        assert word in page.text
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|(src|href)=|https?://", page.text)


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_says_where_it_listens_and_ends_with_its_standard_input(caller: Any) -> None:
    with start("--port", "0", "--stdin-closes", "--scenario", "approve", "--speed", "100") as process:
        assert process.stdout is not None
        url = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", process.stdout.readline())
        assert url
        with httpx.Client(base_url=url[1], trust_env=False) as web:
            assert push(web, caller).status_code == 200
        _, errors = process.communicate("")
    assert (process.returncode, errors) == (0, "")


def test_an_interrupt_ends_it_in_silence() -> None:
    with start("--port", "0", "--seed", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_one_clear_line(receiver: Any) -> None:
    with start("--port", str(receiver.server_address[1])) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("simulator: cannot listen on 127.0.0.1:")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("option", [("--scenario", "x"), ("--speed", "0"), ("--speed", "x"), ("--port", "x")])
def test_wrong_use_ends_2(option: tuple[str, str]) -> None:
    with start(*option) as process:
        process.communicate()
    assert process.returncode == 2
