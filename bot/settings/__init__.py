"""What may stand in app.yaml, section by section, and how it becomes the policies of the core."""
