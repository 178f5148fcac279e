"""Onethread: every customer, one Slack thread."""
