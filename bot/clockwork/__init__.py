"""The clocks of promises to customers: terms, arithmetic, the ledger, and what makes them be counted anew."""
