"""Pure vocabulary: values, ids, clocks, refusals. Imports no framework and does no input or output."""
