"""Why a charge ended or waits, each with its sentence for the cashier (contract §5, Cashier messages)."""

from enum import StrEnum


class Reason(StrEnum):
    PAID = "PAID"
    WAIT = "WAIT"
    LOWBAL = "LOWBAL"
    CANCEL = "CANCEL"
    NOANSWER = "NOANSWER"
    WRONGPIN = "WRONGPIN"
    BUSYLINE = "BUSYLINE"
    EXPIRED = "EXPIRED"
    LIMIT = "LIMIT"
    DAILY = "DAILY"
    NOPAY = "NOPAY"
    PINLOCK = "PINLOCK"
    BADPHONE = "BADPHONE"
    UNKNOWN = "UNKNOWN"
    DOWN = "DOWN"
    SETUP = "SETUP"
    FLOAT = "FLOAT"
    NOTREG = "NOTREG"
    ALREADYREV = "ALREADYREV"
    BADRCPT = "BADRCPT"
    BADACC = "BADACC"
    NOT_SENT = "NOT_SENT"
    """Ours: the request certainly never left this till."""

    @property
    def english(self) -> str:
        return _SENTENCES[self][0]

    @property
    def swahili(self) -> str:
        return _SENTENCES[self][1]


_SENTENCES: dict[Reason, tuple[str, str]] = {
    Reason.PAID: ("Payment received.", "Malipo yamepokelewa."),
    Reason.WAIT: ("Waiting for the customer to enter the PIN.", "Tunasubiri mteja aweke PIN."),
    Reason.LOWBAL: ("Customer's M-PESA balance is too low.", "Salio la M-PESA la mteja halitoshi."),
    Reason.CANCEL: ("Customer cancelled the request.", "Mteja ameghairi ombi la malipo."),
    Reason.NOANSWER: (
        "No answer from the phone; check it is on, then try again.",
        "Simu haikujibu; hakikisha imewashwa, kisha jaribu tena.",
    ),
    Reason.WRONGPIN: ("Wrong PIN; ask the customer to try again.", "PIN si sahihi; mwombe mteja ajaribu tena."),
    Reason.BUSYLINE: (
        "Another M-PESA request is open on this phone; wait two minutes.",
        "Kuna ombi jingine la M-PESA kwenye simu hii; subiri dakika mbili.",
    ),
    Reason.EXPIRED: ("The request expired; send it again.", "Muda wa ombi umeisha; tuma tena."),
    Reason.LIMIT: ("Amount is outside M-PESA limits.", "Kiasi hakiko ndani ya mipaka ya M-PESA."),
    Reason.DAILY: (
        "Customer has reached the daily M-PESA limit.",
        "Mteja amefikia kikomo cha M-PESA cha siku.",
    ),
    Reason.NOPAY: (
        "This line cannot pay (Fuliza debt); use another number or cash.",
        "Laini hii haiwezi kulipa (deni la Fuliza); tumia nambari nyingine au pesa taslimu.",
    ),
    Reason.PINLOCK: (
        "Customer's M-PESA is locked; they should call 100.",
        "M-PESA ya mteja imefungwa; apige simu 100.",
    ),
    Reason.BADPHONE: ("That number is not an active M-PESA line.", "Nambari hiyo si laini hai ya M-PESA."),
    Reason.UNKNOWN: (
        "Not known yet if this was paid; do not ask again, check first.",
        "Bado hatujui kama malipo yamefanyika; usiombe tena, hakiki kwanza.",
    ),
    Reason.DOWN: (
        "M-PESA is busy or down; try again in a few minutes.",
        "M-PESA ina shughuli nyingi au haipatikani; jaribu tena baada ya dakika chache.",
    ),
    Reason.SETUP: (
        "Payment setup problem; call your supervisor.",
        "Kuna hitilafu ya mipangilio ya malipo; mwite msimamizi.",
    ),
    Reason.FLOAT: (
        "The business account has too little money; top up first.",
        "Akaunti ya biashara haina pesa za kutosha; ongeza kwanza.",
    ),
    Reason.NOTREG: ("Recipient is not registered on M-PESA.", "Mpokeaji hajasajiliwa kwa M-PESA."),
    Reason.ALREADYREV: ("This payment was already reversed.", "Malipo haya yamesharudishwa."),
    Reason.BADRCPT: ("That receipt number was not found.", "Nambari hiyo ya risiti haijapatikana."),
    Reason.BADACC: ("Account number not recognised.", "Nambari ya akaunti haitambuliki."),
    Reason.NOT_SENT: (
        "The request did not leave this till; the customer was not asked. Check the internet, then send it again.",
        "Ombi halikutoka kwenye kaunta hii; mteja hakuombwa. Angalia intaneti, kisha tuma tena.",
    ),
}
