"""Crash points: campaigns that stop hub and agent at each of their changes to disk."""
