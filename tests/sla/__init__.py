"""Promises: worked examples, a state machine, and the ledger in words."""
