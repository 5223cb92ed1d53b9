"""What can go wrong and be said in one line."""

__all__ = ["OutskirtsError"]


class OutskirtsError(Exception):
    """Its message says what was asked and what came; it is shown as it is."""
