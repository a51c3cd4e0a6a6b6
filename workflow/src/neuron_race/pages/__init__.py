"""Pages to look at results in a browser: each is one file that needs no network."""
