"""What numbers and cards there are to sell."""
