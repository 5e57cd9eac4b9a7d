"""The test double: a gateway in a test's own process, whose time, faults and devices the test controls."""
