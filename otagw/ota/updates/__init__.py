"""The operations of a device: the functions that every device front calls."""
