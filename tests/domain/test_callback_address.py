"""Which addresses M-Pesa would refuse, and what the owner is told (contract §7, URL rules)."""

import pytest

from pos_app.domain.callback_address import (
    CallbackAddressError,
    checked_callback_base,
    forbidden_words,
    is_this_computer,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://pay.example.co.ke/h/0f1e2d3c", "https://pay.example.co.ke/h/0f1e2d3c"),
        ("  https://Pay.Example.co.ke/ ", "https://pay.example.co.ke"),
        ("https://pay.example.co.ke:8443/h/k/", "https://pay.example.co.ke:8443/h/k"),
        ("https://41.90.64.1/h/k", "https://41.90.64.1/h/k"),
        ("https://[2a00:1450:4001::5e]/h/k", "https://[2a00:1450:4001::5e]/h/k"),
    ],
)
def test_a_public_address_is_kept(typed: str, kept: str) -> None:
    assert checked_callback_base(typed) == kept


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://pay.example.co.ke/api/mpesa/confirm", ("mpesa",)),
        ("https://pay.example.co.ke/M-PESA", ("m-pesa",)),
        ("https://M_Pesa.example.co.ke", ("m_pesa",)),
        ("https://pay.example.co.ke/%6Dpesa", ("mpesa",)),
        ("https://safaricom.example.co.ke/SafariCom", ("safaricom",)),
        ("https://pay.example.co.ke/till.exe", ("exe",)),
        ("https://executive.example.co.ke", ("exec",)),
        ("https://pay.example.co.ke/CMD/mysql/Query", ("cmd", "sql", "query")),
        ("https://pay.example.co.ke/h/k/c2b/confirm", ()),
    ],
)
def test_a_forbidden_word_is_found_in_any_case_and_variant(url: str, words: tuple[str, ...]) -> None:
    assert forbidden_words(url) == words


def test_the_sentence_names_every_forbidden_word_and_what_to_do() -> None:
    with pytest.raises(CallbackAddressError) as refused:
        checked_callback_base("https://mpesa.example.co.ke/query")
    assert str(refused.value) == (
        "M-Pesa refuses addresses with “mpesa” and “query” in them. Give the relay an address without, then pair again."
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/h/k", "https://relay/h/k", "https://127.0.0.1/h", "https://10.0.0.7", "https://192.168.1.5",
        "https://172.16.3.4", "https://169.254.1.1", "https://[::1]/h", "https://[fd00::1]", "https://shop.local/h",
        "https://relay.lan", "http://relay.internal", "https://pay..example", "https://pâte.example.co.ke",
    ],
)  # fmt: skip
def test_an_address_inside_a_network_cannot_be_reached(url: str) -> None:
    with pytest.raises(CallbackAddressError, match="Safaricom cannot reach"):
        checked_callback_base(url)


def test_an_open_connection_is_refused() -> None:
    with pytest.raises(CallbackAddressError, match="begin with https://"):
        checked_callback_base("http://pay.example.co.ke/h/k")


@pytest.mark.parametrize(
    "url",
    [
        "", "pay.example.co.ke", "ftp://pay.example.co.ke", "https://", "https://pay.example.co.ke:port",
        "https://pay.example.co.ke:99999", "https://[::1", "https://pay.example.co.ke/?a=1",
        "https://pay.example.co.ke/#a", "https://me:pw@pay.example.co.ke", "https://pay.example.co.ke/<b>",
        "https://pay.example.co.ke/a b",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(CallbackAddressError, match="It looks like"):
        checked_callback_base(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/h/k", "http://localhost:8080/h/k", "https://[::1]:8080/h"])
def test_in_training_the_relay_is_on_this_computer(url: str) -> None:
    assert checked_callback_base(url, allow_this_computer=True) == url


def test_training_opens_neither_another_network_nor_a_forbidden_word() -> None:
    with pytest.raises(CallbackAddressError, match="cannot reach"):
        checked_callback_base("http://192.168.1.5/h", allow_this_computer=True)
    with pytest.raises(CallbackAddressError, match="“mpesa”"):
        checked_callback_base("http://127.0.0.1/mpesa", allow_this_computer=True)


@pytest.mark.parametrize(("host", "here"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("relay", False)])
def test_this_computer_is_known_by_its_own_names(host: str, *, here: bool) -> None:
    assert is_this_computer(host) is here
