"""Jobs and their tasks: planned, filled, controlled, advanced."""
