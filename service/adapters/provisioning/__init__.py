"""How lines are brought up in the network."""
