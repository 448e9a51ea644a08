"""What stands on the shelf of the training shop, so that a learner has something to sell."""

from pos_app.domain.money import Money
from pos_app.services.catalogue import Catalogue

_SHELF = (
    ("Maziwa 500 ml", 65, "6161100100015"),
    ("Mkate 400 g", 70, "6161100100022"),
    ("Sukari 1 kg", 165, "6161100100039"),
    ("Unga wa ugali 2 kg", 190, "6161100100046"),
    ("Mchele 1 kg", 180, "6161100100053"),
    ("Mafuta ya kupikia 1 L", 320, "6161100100060"),
    ("Chai 100 g", 85, "6161100100077"),
    ("Mayai, trei", 450, "6161100100084"),
    ("Sabuni ya kipande", 150, "6161100100091"),
    ("Maji 1 L", 60, "6161100100107"),
    ("Soda 500 ml", 70, "6161100100114"),
    ("Ndizi", 15, ""),
)


async def stock(catalogue: Catalogue) -> None:
    """Once; what the learner removed stays removed."""
    if await catalogue.is_untouched():
        for name, shillings, barcode in _SHELF:
            await catalogue.add(name, Money.shillings(shillings), barcode)
