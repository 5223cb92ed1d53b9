"""Parts of the page Outskirts."""
