"""Who logs in to the web: the ways to check a password."""
