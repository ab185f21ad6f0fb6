"""The operator's figures of how lines are used."""
