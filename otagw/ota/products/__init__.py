"""Products, their modules, and the lowest version that each may be given."""
