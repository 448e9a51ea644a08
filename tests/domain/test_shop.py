"""The shop's own numbers: which go to Daraja, which the customer types, and which a confirmation may carry."""

import pytest

from pos_app.domain.shop import AccountKind, Credentials, Pairing, ShopAccount, ShortCodeError

PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
TILL = ShopAccount(AccountKind.BUY_GOODS, "600966", "512345")


def test_a_paybill_is_one_number_for_everything() -> None:
    assert (PAYBILL.party_b, PAYBILL.customer_label) == ("174379", "PayBill 174379")


def test_a_till_asks_under_its_store_number_and_is_paid_at_its_till_number() -> None:
    assert (TILL.short_code, TILL.party_b, TILL.customer_label) == ("600966", "512345", "Till 512345")


@pytest.mark.parametrize(
    ("shop", "short_code", "owned"),
    [
        (PAYBILL, "174379", True),
        (PAYBILL, "174378", False),
        (PAYBILL, "", False),
        (TILL, "600966", True),
        (TILL, "512345", True),
        (TILL, "512346", False),
        (TILL, "", False),
    ],
)
def test_a_confirmation_is_ours_only_with_our_number(shop: ShopAccount, short_code: str, owned: bool) -> None:
    assert shop.owns(short_code) is owned


@pytest.mark.parametrize("short_code", ["", "1234", "12345678", "12345a", " 174379", "174379\n", "١٧٤٣٧٩"])
def test_a_short_code_has_five_to_seven_digits(short_code: str) -> None:
    with pytest.raises(ShortCodeError, match="PayBill or store number"):
        ShopAccount(AccountKind.PAYBILL, short_code)


@pytest.mark.parametrize("till_number", ["", "1234", "12345678", "51234x"])
def test_a_shop_with_a_till_must_say_its_number(till_number: str) -> None:
    with pytest.raises(ShortCodeError, match="It is the number customers type, not the store number"):
        ShopAccount(AccountKind.BUY_GOODS, "600966", till_number)


def test_nothing_secret_is_shown_when_credentials_or_a_pairing_are_printed() -> None:
    credentials = Credentials("the-key", "the-secret", "the-passkey")
    pairing = Pairing(
        "https://relay.test", "Mama Mboga", "s1", "t1", "A2", "the-token", "https://relay.test/h/the-base", "the-nonce"
    )
    assert repr(credentials) == "Credentials(…)"
    assert repr(pairing) == "Pairing(shop='Mama Mboga', till_id='t1')"
