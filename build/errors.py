"""What ends a developer's command: one sentence that says what is wrong and what to do. It knows no command."""


class CommandError(Exception):
    """Its message is the one line that is printed before the command ends with 1."""
