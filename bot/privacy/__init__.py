"""An archive of a customer, and their end: what is erased, and what keeps it from coming back."""
