"""How an issuer's registry is asked about a document."""
