"""Parts of the page Mirror."""
