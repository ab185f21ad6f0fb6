"""Durable truth of the response: the ledger and the marks of lines, rings and their members."""
