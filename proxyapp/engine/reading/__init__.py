"""Reads: from a request to the bytes of its answer."""
