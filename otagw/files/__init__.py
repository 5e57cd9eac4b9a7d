"""Bytes of packages: where they are stored, and the signed links to them."""
