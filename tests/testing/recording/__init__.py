"""Recordings: a second gateway stands for the cloud."""
