"""Automatic answers: when, in which words, and what became of them."""
