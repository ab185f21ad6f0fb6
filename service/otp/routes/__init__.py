"""HTTP of codes."""
