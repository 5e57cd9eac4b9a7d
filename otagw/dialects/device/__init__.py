"""Our own device API: plain JSON over HTTP, for devices and stacks that no vendor's protocol binds."""
