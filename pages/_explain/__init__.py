"""Parts of the page Explain."""
