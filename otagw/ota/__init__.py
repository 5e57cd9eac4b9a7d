"""The core: packages, products and modules, without HTTP and without vendor words."""
