"""What drives the servers: one `Load` class per module, run in processes of their own."""
