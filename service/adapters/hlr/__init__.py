"""How the network is asked about a number."""
