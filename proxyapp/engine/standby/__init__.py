"""The roles of a pair and of masters: who leads, and what the other one is told."""
