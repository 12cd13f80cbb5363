"""Subscriptions, and what a transaction tells each of them."""
