"""The console as a person uses it: Debian's Chromium against a real relay process, with real tills on real sockets."""

import io
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from chromium import Chromium, Person
from console_relay import PASSWORD, STRANGER, OtherSite, Relay, Till

from relay import protocol
from relay.__main__ import main
from relay.protocol import PairRequest, PairResponse

pytestmark = pytest.mark.xdist_group("browser")

NASTY = '"\'><img src=x onerror="window.hit=1"><script>window.hit=1</script>'


@pytest.fixture(autouse=True)
def _cheap_passwords() -> None:
    """Not here: the relay is a process of its own."""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    made = Chromium(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def relay(start_shared_relay: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Relay:
    return Relay(start_shared_relay, tmp_path_factory.mktemp("store"))


@pytest.fixture
def follow(relay: Relay) -> Iterator[Callable[[PairResponse], Till]]:
    with ExitStack() as ends:

        def begin(paired: PairResponse) -> Till:
            till = Till(relay, paired)
            ends.callback(till.end)
            return till

        yield begin


@pytest.fixture
def person(chromium: Chromium, relay: Relay) -> Person:
    """At the door."""
    return chromium.person().go(relay.origin + "/console")


@pytest.fixture
def joan(person: Person) -> Person:
    """Signed in."""
    return sign_in(person)


def sign_in(person: Person, password: str = PASSWORD) -> Person:
    return person.fill("name", "joan").fill("password", password).click("main button")


def shop_of(relay: Relay, paired: PairResponse) -> str:
    return f"{relay.origin}/console/shops/{paired.stream}"


def test_signing_in_and_out(person: Person, relay: Relay) -> None:
    assert person.path == "/console/sign-in"
    sign_in(person, "not that one")
    assert "That name and password do not belong together." in person.text
    assert person.run("document.querySelector('[name=name]').value") == "joan"
    assert person.run("document.querySelector('[name=password]').value") == ""
    sign_in(person)
    assert person.path == "/console/shops"
    cookie = person.cookies()["relay-console"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert person.run("document.cookie") == ""
    person.click(".who button")
    assert person.path == "/console/sign-in"
    assert person.go(relay.origin + "/console/record").path == "/console/sign-in"
    assert "relay-console" not in person.cookies()


def test_after_five_wrong_passwords_the_right_one_has_to_wait(person: Person, relay: Relay) -> None:
    for _ in range(5):
        sign_in(person, "guess")
    sign_in(person)
    assert "Too many wrong tries. Wait " in person.text
    assert person.path == "/console/sign-in"
    relay.in_store(lambda connection: connection.exec_driver_sql("DELETE FROM operator_tries"))


def test_a_session_that_was_planted_opens_nothing(chromium: Chromium, relay: Relay) -> None:
    planted = "ab" * 32
    victim, mallory = chromium.person(), chromium.person()
    for one in (victim, mallory):
        for name in ("relay-console", "relay-console-browser"):
            one.call("Network.setCookie", name=name, value=planted, url=relay.origin)
    sign_in(victim.go(relay.origin + "/console"))
    assert victim.path == "/console/shops"
    assert mallory.go(relay.origin + "/console/shops").path == "/console/sign-in"
    assert planted not in {cookie["value"] for cookie in victim.cookies().values()}


def test_a_session_that_is_too_old_is_over_and_says_so(joan: Person, relay: Relay) -> None:
    age = "UPDATE operator_session SET seen_at = seen_at - 15 * 60 * 1000"
    relay.in_store(lambda connection: connection.exec_driver_sql(age))
    joan.leave(lambda: joan.run("void refresh()"))
    assert joan.path == "/console/sign-in"
    assert "You are signed out: fifteen minutes without use" in joan.text


def test_a_form_of_another_site_does_nothing(joan: Person, relay: Relay) -> None:
    form = f'<form method="post" action="{relay.origin}/console/shops"><input name="name" value="Forged"></form>'
    with OtherSite(f"{form}<script>document.forms[0].submit()</script>") as evil:
        joan.call("Page.navigate", url=evil.url)
        joan.until(lambda: joan.run("document.title") == "Not taken · Relay console", "the refusal")
    assert "Nothing was done." in joan.text
    assert "Forged" not in joan.go(relay.origin + "/console/shops").text


def test_no_other_site_can_put_a_page_into_a_frame(joan: Person, relay: Relay) -> None:
    joan.call("Log.enable")
    with OtherSite(f'<iframe src="{relay.origin}/console/shops"></iframe>') as evil:
        joan.go(evil.url)
        joan.until(lambda: any("frame" in one["text"] for one in joan.logged()), "the refusal")


def test_without_the_pages_token_nothing_is_done(joan: Person) -> None:
    joan.run("document.querySelector('[aria-label=\"Add a shop\"] [name=token]').value = 'ab'.repeat(32)")
    joan.fill("name", "Forged", "[aria-label='Add a shop']").click("[aria-label='Add a shop'] button")
    assert "Nothing was done." in joan.text


def test_a_shop_is_added_and_its_till_invited(joan: Person, relay: Relay) -> None:
    joan.fill("name", "Duka la Mama", "[aria-label='Add a shop']").click("[aria-label='Add a shop'] button")
    assert "No tills yet. Invite the first one below." in joan.text
    form = "[aria-label='Invite a till']"
    joan.fill("password", PASSWORD, form).click(f"{form} button")
    code = re.search("[A-Z]{4}-[A-Z]{4}", joan.text)
    assert code is not None
    assert joan.run("document.querySelector('.qr svg').getBoundingClientRect().width") > 100
    request = protocol.encode(PairRequest(code[0], "Counter 1", secrets.token_hex(16)))
    assert httpx.post(relay.url + protocol.PAIR_PATH, content=request, trust_env=False).status_code == 200
    joan.click("main a.button")
    assert "Counter 1" in joan.text


def test_the_callback_path_is_shown_to_who_says_the_password_again(joan: Person, relay: Relay) -> None:
    paired = relay.pair()
    key = paired.callback_base.rpartition("/")[2]
    joan.go(shop_of(relay, paired))
    form = "[aria-label='Callback path']"
    joan.fill("password", "not that one", form).click(f"{form} button")
    assert "That is not your password. Nothing was done." in joan.text
    assert key not in joan.run("document.documentElement.outerHTML")
    joan.fill("password", PASSWORD, form).click(f"{form} button")
    assert key in joan.text


def test_a_revoked_till_is_out_within_five_seconds(
    joan: Person, relay: Relay, follow: Callable[[PairResponse], Till]
) -> None:
    paired = relay.pair()
    till = follow(paired)
    joan.go(relay.origin + f"/console/tills/{paired.till_id}/revoke")
    assert "Money: nothing is charged, refunded or cancelled." in joan.text
    began = time.monotonic()
    joan.click("button.danger")
    till._thread.join(5)
    assert till.codes == [protocol.CLOSE_REVOKED]
    assert time.monotonic() - began < 5
    assert "revoked" in joan.text


def test_a_till_reads_again_from_where_it_was_asked_to(
    joan: Person, relay: Relay, follow: Callable[[PairResponse], Till]
) -> None:
    paired = relay.pair()
    till = follow(paired)
    for number in range(4):
        relay.pay(paired, f"UJE7K2M9Q{number}")
    joan.until(lambda: till.seqs == [1, 2, 3, 4], "all four")
    page = f"{relay.origin}/console/tills/{paired.till_id}/read-again"
    joan.until(lambda: "– nothing" in joan.go(shop_of(relay, paired)).text, "confirmed")
    joan.go(page)
    joan.run("document.querySelector('[value=event]').checked = true")
    joan.fill("event", "3").click("button.primary")
    assert "It reads 2 events again, from event 3" in joan.text
    joan.click("button.primary")
    assert "Asked. The till reads again as soon as it is connected" in joan.text
    joan.until(lambda: till.seqs == [1, 2, 3, 4, 3, 4], "3 and 4 again")
    assert [(reset.reason, reset.floor) for reset in till.resets] == [("replay", 2)]


def test_a_message_that_is_held_back_is_compared_and_believed(
    joan: Person, relay: Relay, follow: Callable[[PairResponse], Till]
) -> None:
    paired = relay.pair(shop="Kiosk of the held")
    till = follow(paired)
    relay.pay(paired, "UJE7K2M9QX", STRANGER, MSISDN="254712345678", FirstName="Akinyi")
    joan.go(relay.origin + "/console/held")
    assert "KSh 150" in joan.text
    assert "0712 ••• 678" in joan.text
    joan.click("td a.button")
    joan.until(lambda: STRANGER in joan.go(f"{relay.origin}/console/held/{paired.stream}/1").text, "the sender")
    assert "nothing else in the log speaks of this payment" in joan.text
    joan.fill("reason", "seen in the portal").fill("password", PASSWORD, "[aria-label='Believe it']")
    joan.click("[aria-label='Believe it'] button")
    assert "Believed. The tills of the shop are being told of it" in joan.text
    joan.until(lambda: till.seqs == [1, 2], "the trusted copy")
    record = joan.go(relay.origin + "/console/record").text
    assert "believed a message" in record
    assert "seen in the portal" in record


def test_no_text_that_somebody_chose_runs(joan: Person, relay: Relay) -> None:
    paired = relay.pair(shop=NASTY, name=NASTY)
    relay.pay(paired, "UJE7K2M9QX", STRANGER, FirstName=NASTY, BillRefNumber=NASTY, MSISDN=NASTY, TransAmount=NASTY)
    paths = ["shops", f"shops/{paired.stream}", "tills", "held", f"held/{paired.stream}/1", "record", "health"]
    paths += [f"tills/{paired.till_id}/{act}" for act in ("revoke", "read-again")]
    for path in paths:
        joan.go(f"{relay.origin}/console/{path}")
        joan.run("void refresh()") if joan.run("Boolean(live)") else None
        assert joan.run("window.hit === undefined && !document.querySelector('main img, main script')"), path
    joan.go(relay.origin + "/console/shops?name=%22%3E%3Cimg%20src%3Dx%20onerror%3Dhit%3D1%3E")
    assert joan.run("window.hit === undefined && !document.querySelector('main img')")
    joan.click(".who button")
    joan.fill("name", NASTY).fill("password", "x").click("main button")
    assert joan.run("window.hit === undefined && document.querySelector('[name=name]').value.startsWith('\"')")


def test_every_page_reads_on_a_small_screen_and_on_a_phone_and_asks_nobody_else(joan: Person, relay: Relay) -> None:
    paired = relay.pair(shop="A shop with a name that is as long as names of shops are, and then some more of it")
    relay.pay(paired, "UJE7K2M9QX", STRANGER)
    paths = ["shops", f"shops/{paired.stream}", "tills", "held", f"held/{paired.stream}/1", "record", "health"]
    paths += [f"tills/{paired.till_id}/{act}" for act in ("revoke", "read-again")]
    small = (
        "[...document.querySelectorAll('button, a.button, nav a, input:not([type=hidden]):not([type=radio]), .radio')]"
        ".filter(one => one.getBoundingClientRect().height < 48).map(one => one.outerHTML)"
    )
    for width, height in ((1366, 768), (390, 844)):
        joan.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        for path in paths:
            joan.go(f"{relay.origin}/console/{path}")
            assert joan.run("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            assert joan.run(small) == [], (path, width)
            assert joan.run("document.fonts.ready.then(() => document.fonts.check('16px Inter'))"), path
    asked = [url for url in joan.requests() if not url.startswith("data:")]
    assert len(asked) > 20
    assert [url for url in asked if not url.startswith(relay.origin + "/")] == []


def test_everything_is_done_without_a_mouse(person: Person) -> None:
    def walk(steps: int) -> list[str]:
        said = []
        for _ in range(steps):
            person.press("Tab")
            said.append(person.run("document.activeElement.name || document.activeElement.innerText"))
            assert person.run("getComputedStyle(document.activeElement).outlineWidth") == "3px"
        return said

    assert walk(4) == ["To the content", "name", "password", "Sign in"]
    person.run("document.querySelector('[name=name]').focus()")
    person.call("Input.insertText", text="joan")
    person.press("Tab")
    person.call("Input.insertText", text=PASSWORD)
    person.leave(lambda: person.press("Enter"))
    assert person.path == "/console/shops"
    pages = ["Shops", "Tills", "Held back", "Health", "Record"]
    assert walk(9) == ["To the content", *pages, "Sign out", "name", "Find"]


def test_a_page_brings_itself_up_to_date_and_says_when_it_cannot(joan: Person, relay: Relay) -> None:
    joan.run("window.stayed = true")
    relay.pair(shop="Added just now")
    joan.run("refresh()")
    assert "Added just now" in joan.text
    assert joan.run("window.stayed")
    joan.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    joan.run("refresh()")
    assert "the relay does not answer, this is from before" in joan.text


def test_everything_works_without_a_script(person: Person, relay: Relay) -> None:
    person.call("Emulation.setScriptExecutionDisabled", value=True)
    person.go(relay.origin + "/console/sign-in")
    sign_in(person)
    assert person.path == "/console/shops"
    person.fill("name", "Scriptless", "[aria-label='Add a shop']").click("[aria-label='Add a shop'] button")
    assert "Scriptless" in person.text


def test_the_command_line_lets_in_and_puts_out(person: Person, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    store = f"sqlite:///{relay.store}"
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD))
    assert main(["operator", "add", "ali", "--store", store]) == 0
    person.fill("name", "ali").fill("password", PASSWORD).click("main button")
    assert person.path == "/console/shops"
    assert main(["operator", "remove", "ali", "--store", store]) == 0
    assert person.go(relay.origin + "/console/shops").path == "/console/sign-in"
