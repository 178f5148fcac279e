"""Dates and times of day: schedules, zones, days off, and times as people write them. Pure."""
