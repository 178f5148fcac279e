"""Asking customers how it was, and what they say."""
