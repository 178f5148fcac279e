"""Two customers who are one: who may be, what becomes one, and how it is undone."""
