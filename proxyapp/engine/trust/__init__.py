"""What is known and ruled of accounts: locks, ways of checking, tokens, secrets."""
