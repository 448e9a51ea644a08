"""The history: every sale ever made, and what each charge of it was told, by whom and when."""
