"""Environment files: configuration objects as JSON, referring to each other by natural key."""
