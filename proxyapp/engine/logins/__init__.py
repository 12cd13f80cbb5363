"""From an opening to an admitted session: proofs, external checks, passwords."""
