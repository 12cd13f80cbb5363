"""Made-up contact centres: large, realistic, and the same for the same seed."""
