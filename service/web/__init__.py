"""HTTP as such: problems, keys, idempotency, pagination, the edge. Declares what it needs as Protocols."""
