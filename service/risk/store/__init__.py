"""Durable truth: holdings, and decisions as they were made."""
