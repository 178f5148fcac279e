"""The steps of the outbox: claim, load, attempt, settle."""
