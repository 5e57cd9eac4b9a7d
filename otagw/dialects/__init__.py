"""The fronts: each speaks one vendor's wire over the same core."""
