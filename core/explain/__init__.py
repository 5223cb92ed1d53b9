"""Which pixels made a score, by many methods, and whether their maps can be believed."""
