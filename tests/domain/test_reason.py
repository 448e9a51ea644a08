"""The cashier's sentences: those of the contract (§5, Cashier messages) word for word, and one of our own."""

import pytest

from pos_app.domain.reason import Reason

CONTRACT = """
| Key | English | Kiswahili |
|---|---|---|
| PAID | Payment received. | Malipo yamepokelewa. |
| WAIT | Waiting for the customer to enter the PIN. | Tunasubiri mteja aweke PIN. |
| LOWBAL | Customer's M-PESA balance is too low. | Salio la M-PESA la mteja halitoshi. |
| CANCEL | Customer cancelled the request. | Mteja ameghairi ombi la malipo. |
| NOANSWER | No answer from the phone; check it is on, then try again. | Simu haikujibu; hakikisha imewashwa, kisha jaribu tena. |
| WRONGPIN | Wrong PIN; ask the customer to try again. | PIN si sahihi; mwombe mteja ajaribu tena. |
| BUSYLINE | Another M-PESA request is open on this phone; wait two minutes. | Kuna ombi jingine la M-PESA kwenye simu hii; subiri dakika mbili. |
| EXPIRED | The request expired; send it again. | Muda wa ombi umeisha; tuma tena. |
| LIMIT | Amount is outside M-PESA limits. | Kiasi hakiko ndani ya mipaka ya M-PESA. |
| DAILY | Customer has reached the daily M-PESA limit. | Mteja amefikia kikomo cha M-PESA cha siku. |
| NOPAY | This line cannot pay (Fuliza debt); use another number or cash. | Laini hii haiwezi kulipa (deni la Fuliza); tumia nambari nyingine au pesa taslimu. |
| PINLOCK | Customer's M-PESA is locked; they should call 100. | M-PESA ya mteja imefungwa; apige simu 100. |
| BADPHONE | That number is not an active M-PESA line. | Nambari hiyo si laini hai ya M-PESA. |
| UNKNOWN | Not known yet if this was paid; do not ask again, check first. | Bado hatujui kama malipo yamefanyika; usiombe tena, hakiki kwanza. |
| DOWN | M-PESA is busy or down; try again in a few minutes. | M-PESA ina shughuli nyingi au haipatikani; jaribu tena baada ya dakika chache. |
| SETUP | Payment setup problem; call your supervisor. | Kuna hitilafu ya mipangilio ya malipo; mwite msimamizi. |
| FLOAT | The business account has too little money; top up first. | Akaunti ya biashara haina pesa za kutosha; ongeza kwanza. |
| NOTREG | Recipient is not registered on M-PESA. | Mpokeaji hajasajiliwa kwa M-PESA. |
| ALREADYREV | This payment was already reversed. | Malipo haya yamesharudishwa. |
| BADRCPT | That receipt number was not found. | Nambari hiyo ya risiti haijapatikana. |
| BADACC | Account number not recognised. | Nambari ya akaunti haitambuliki. |
"""  # noqa: E501  # a verbatim copy
ROWS = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in CONTRACT.strip().splitlines()[2:]]


@pytest.mark.parametrize(("key", "english", "swahili"), ROWS)
def test_a_reason_speaks_the_contracts_words(key: str, english: str, swahili: str) -> None:
    assert (Reason(key).english, Reason(key).swahili) == (english, swahili)


def test_only_the_request_that_never_left_is_our_own_reason() -> None:
    assert set(Reason) - {Reason(key) for key, _, _ in ROWS} == {Reason.NOT_SENT}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence_in_both_languages(reason: Reason) -> None:
    for sentence in (reason.english, reason.swahili):
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_no_two_reasons_say_the_same() -> None:
    assert len({reason.english for reason in Reason}) == len({reason.swahili for reason in Reason}) == len(Reason)
