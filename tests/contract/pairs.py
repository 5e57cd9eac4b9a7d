"""Which defects are tried on which operations: all of them on one, two of them on every other.

What refuses a defect is one function for all operations of a front; the two show that each operation is behind it.
"""


def some(operations, defects, everywhere=None):
    """Return pairs: the first operation with every defect, each other one with ``everywhere``, or the first two."""
    first, *others = operations
    everywhere = defects[:2] if everywhere is None else everywhere
    return [(first, defect) for defect in defects] + [(other, defect) for other in others for defect in everywhere]


def ids(value):
    """Return how a value of a case is called."""
    return getattr(value, "name", None) or str(value)
