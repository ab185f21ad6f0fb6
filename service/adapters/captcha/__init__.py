"""Who judges what people answered to a puzzle."""
