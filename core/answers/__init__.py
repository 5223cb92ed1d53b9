"""Answers to the pages' and the command line's questions; `core.service` is their one door."""
