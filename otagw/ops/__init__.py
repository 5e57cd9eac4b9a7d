"""The tools of an operator: log, metrics, backup, restore, prune."""
