"""What every answer of the console carries, where it can be reached at all, and its small parts."""

import re
from typing import Any

import httpx
import pytest
from console_desk import Desk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.console import passwords, words
from relay.console.markup import html, join
from relay.console.origins import Origins
from relay.console.passwords import fault
from relay.overload import CALM_SECONDS, LATE_SECONDS, Level
from relay.settings import SettingError, from_arguments

pytestmark = pytest.mark.anyio
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


async def test_every_answer_has_the_headers(joan: Any) -> None:
    answers = [await joan.get(path) for path in ("", "/sign-in", "/shops", "/tills", "/nothing", "/style.css")]
    answers += [await joan.send("/shops", {}), await joan.get("/sign-out"), await joan.get("/shops", host="evil.test")]
    answers.append(await joan.client.get("/"))
    assert [answer.status_code for answer in answers] == [303, 200, 200, 200, 404, 200, 403, 405, 421, 404]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        kept = "public, max-age=3600" if "style.css" in str(answer.url) else "no-store"
        assert answer.headers["cache-control"] == kept


async def test_no_page_has_a_script_or_a_style_of_its_own(joan: Any, till: Any) -> None:
    for path in ("/shops", f"/shops/{till.stream}", "/tills", "/held", "/health", "/record", "/sign-in"):
        page = (await joan.get(path)).text
        assert page.count("<script") == page.count('<script src="/console/refresh.js" defer></script>') == 1
        assert re.search(r"<[^>]* (style|on[a-z]+)=", page) is None


async def test_what_pages_load_is_there(joan: Any) -> None:
    for name, kind in (
        ("style.css", "text/css; charset=utf-8"),
        ("refresh.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("inter-400.ttf", "font/ttf"),
        ("inter-600.ttf", "font/ttf"),
    ):
        reply = await joan.another().get(f"/{name}")
        assert (reply.status_code, reply.headers["content-type"]) == (200, kind)


async def test_without_the_typeface_the_pages_are_still_there(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr("relay.console.assets._FONT_FOLDERS", (tmp_path,))
    console = bench.relay.console()
    transport = httpx.ASGITransport(app=console)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:1") as client:
        assert (await client.get("/console/sign-in")).status_code == 200
        assert (await client.get("/console/inter-400.ttf")).status_code == 404
    console.close()


async def test_the_public_paths_know_no_console(bench: Any) -> None:
    for path in ("/console", "/console/", "/console/sign-in", "/console/style.css", "/h/console"):
        for method in ("GET", "POST"):
            assert (await bench.request(method, path)).status == 404


async def test_cookies_are_for_this_site_and_no_script(joan: Any) -> None:
    set_ = (await joan.sign_in()).headers.get_list("set-cookie")
    assert len(set_) == 2
    for cookie in set_:
        assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert "Secure" not in cookie


async def test_by_https_they_are_bound_to_the_host(settings: Any, running: Any, changed: Any) -> None:
    async with running(changed(settings, console_url="https://console.relay.example")) as bench:
        console = bench.relay.console()
        desk = Desk(bench, console, "https://console.relay.example")
        desk.add_operator()
        reply = await desk.sign_in()
        assert reply.status_code == 303
        for cookie in reply.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-relay-console")
            assert "Secure" in cookie
        assert reply.headers["strict-transport-security"] == "max-age=31536000"
        assert (await desk.get("/shops")).status_code == 200
        assert (await desk.get("/shops", host="127.0.0.1:8444")).status_code == 421
        console.close()


@pytest.mark.parametrize(
    ("url", "host", "known"),
    [
        ("", "127.0.0.1:8444", True),
        ("", "localhost:9", True),
        ("", "LocalHost", True),
        ("", "[::1]:8444", True),
        ("", "[::1]", True),
        ("", "evil.test", False),
        ("", "127.0.0.1.evil.test", False),
        ("", "localhost:x", False),
        ("", "", False),
        ("https://c.example", "c.example", True),
        ("https://c.example", "C.Example", True),
        ("https://c.example:444", "c.example:444", True),
        ("https://c.example", "c.example:444", False),
        ("https://c.example", "localhost", False),
    ],
)
def test_by_which_names_it_is_reached(url: str, host: str, known: bool) -> None:
    origins = Origins(url)
    assert origins.knows_host(host) is known
    scheme = "https" if url else "http"
    assert origins.is_own(f"{scheme}://{host}", host) is known
    assert not origins.is_own("null", host)
    assert not origins.is_own(f"ftp://{host}", host)


def test_the_console_is_off_and_on_this_computer_unless_it_is_set_up() -> None:
    plain = from_arguments({}, {})
    assert (plain.console, plain.console_host, plain.console_port) == (False, "127.0.0.1", 8444)
    said = {"RELAY_CONSOLE": "on", "RELAY_CONSOLE_HOST": "0.0.0.0", "RELAY_CONSOLE_URL": "https://c.example/"}
    made = from_arguments({"console_port": "9000"}, said)
    assert (made.console, made.console_host, made.console_port) == (True, "0.0.0.0", 9000)
    assert made.console_url == "https://c.example"


@pytest.mark.parametrize(
    "said",
    [
        {"console": "yes"},
        {"console_host": "0.0.0.0"},
        {"console_host": "192.168.1.5", "console_url": "http://c.example"},
        {"console_url": "http://127.0.0.1:8444"},
        {"console_url": "https://c.example/console"},
        {"console_port": "x"},
    ],
)
def test_a_console_that_passwords_would_reach_in_the_clear_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(SettingError):
        from_arguments(said, {})


# Passwords.


@pytest.mark.parametrize(
    ("password", "will_do"),
    [
        ("four quiet words here", True),
        ("correct-horse", True),
        ("short", False),
        ("a" * 20, False),
        ("ababababababab", False),
        ("password123456", False),
        ("joan12345678!", False),
        ("x" * 100 + "abcdefgh" * 20, False),
        ("", False),
    ],
)
def test_what_a_password_must_be_like(password: str, will_do: bool) -> None:
    assert (fault(password, "joan") == "") is will_do


@unhurried
@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_only_the_same_words_are_right(password: str, other: str) -> None:
    import unicodedata

    kept = passwords.keep(password)
    assert passwords.is_right(password, kept)
    assert password not in kept or len(password) < 8
    same = unicodedata.normalize("NFKC", password) == unicodedata.normalize("NFKC", other)
    assert passwords.is_right(other, kept) is same


def test_a_password_costs_what_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kept = passwords.keep("four quiet words here")
    assert kept.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    assert passwords.is_right("four quiet words here", kept)


# HTML and words.


@unhurried
@given(st.text())
def test_a_text_is_only_ever_a_text(text: str) -> None:
    made = html('<a title="{text}">{text}</a>', text=text)
    inside = made.removeprefix('<a title="').removesuffix("</a>")
    assert not set("<") & set(inside)
    assert inside.count('"') == 1


def test_html_is_joined_and_not_escaped_twice() -> None:
    made = html("<i>{one}</i>", one="a & b")
    assert join([made, "<", None, 3, [made]]) == "<i>a &amp; b</i>&lt;3<i>a &amp; b</i>"
    with pytest.raises(ValueError, match="no formats"):
        html("{x:>5}", x="a")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (-5, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (3600, "1 hour"),
        (7100, "118 minutes"),
        (86_400, "1 day"),
        (200_000, "2 days"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_times_are_nairobis() -> None:
    assert words.moment(0) == "1 Jan 1970, 03:00:00 EAT"
    assert words.clock(0) == "03:00:00 EAT"
    assert words.machine_time(0) == "1970-01-01T00:00:00+00:00"
    assert words.typed_moment("1970-01-01T03:00") == 0
    assert words.typed_moment("x") is None
    assert words.ago(None, 5) == "never"
    assert words.ago(0, 1000) == "just now"
    assert words.ago(0, 61_000) == "61 seconds ago"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (300 * 2**20, "300 MiB"), (2**50, "1024.0 TiB")],
)
def test_sizes(count: int, said: str) -> None:
    assert words.size(count) == said


async def test_while_callbacks_wait_the_console_stands_back_and_says_when_to_come_again(desk: Any) -> None:
    relay = desk.bench.relay
    relay._overload.look(LATE_SECONDS[Level.CONSOLE])
    reply = await desk.get("/sign-in")
    assert (reply.status_code, reply.headers["retry-after"]) == (503, str(round(CALM_SECONDS)))
    assert "callbacks, which come first" in reply.text
    assert (await desk.get("/style.css")).status_code == 200
    assert (await desk.get("/sign-in", host="evil.test")).status_code == 421
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    relay._overload._worse_at = 0.0
    relay._overload.look(0.0)
    assert (await desk.get("/sign-in")).status_code == 200
