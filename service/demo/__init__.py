"""The demo: one command that starts everything on loopback, a seed of invented people, and a tour."""
