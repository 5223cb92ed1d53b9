"""Parts of the page Likelihoods."""
