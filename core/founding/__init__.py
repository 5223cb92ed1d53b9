"""A scenario of a user's own folders: looked through, proposed, said, and laid out whole."""

from __future__ import annotations

from core.founding.folders import Folders, Unfounded, looked_through
from core.founding.laying import Founded, found_scenario
from core.founding.proposal import Wishes

__all__ = ["Folders", "Founded", "Unfounded", "Wishes", "found_scenario", "looked_through"]
