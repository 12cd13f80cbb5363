"""The configuration in memory: rows, indexes, rights, and what was changed last."""
