"""Measurements: ``python -m bench`` runs them all. They decide no test."""
