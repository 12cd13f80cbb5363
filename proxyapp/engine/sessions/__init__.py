"""Open sessions: requests, following, writes, the past, departures."""
