"""What agents see and do with the conversations of customers."""
