"""The test double, used as its users do."""
