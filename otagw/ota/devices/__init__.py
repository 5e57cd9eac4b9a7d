"""Devices: registered, grouped, seen."""
