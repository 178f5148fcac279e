"""The Web API methods; importing this package registers them all."""

from . import chat, conversations, files, people, people_client, reactions, users, views

__all__ = ["chat", "conversations", "files", "people", "people_client", "reactions", "users", "views"]
