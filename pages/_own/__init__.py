"""Parts of the page Own images."""
