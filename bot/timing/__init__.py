"""What comes at its time: snoozes, follow-ups, reminders, and the one loop that waits for them."""
