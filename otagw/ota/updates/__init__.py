"""What a device may do: the functions that every device front calls."""
