"""What an operator sees and does: log, metrics, backup, restore, prune."""
