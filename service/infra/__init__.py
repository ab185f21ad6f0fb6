"""The machinery: PostgreSQL, Redis, jobs, encryption, telemetry. Knows no domain."""
