"""One part of the office: a title, what it may be seen by, and what it does when it comes into sight."""

from PySide6.QtWidgets import QWidget

from pos_app.domain.staff import Action


class Part(QWidget):
    title = ""
    sees = Action.SEE_HISTORY
    """Who may not do this sees why instead of the part."""

    def enter(self) -> None:
        """It comes into sight."""

    def leave(self) -> None:
        """It goes out of sight: changes no longer cost anything."""

    def step_back(self) -> bool:
        """One step back within the part; False where there is none."""
        return False
