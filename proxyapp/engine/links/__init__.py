"""What servers say to each other: loads, transactions, writes, entries, keys."""
