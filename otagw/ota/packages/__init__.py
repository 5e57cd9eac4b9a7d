"""Packages: their files, digests and signatures."""
