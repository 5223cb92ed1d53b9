"""Parts of the page Model cards."""
