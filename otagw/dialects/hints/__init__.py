"""Why a signature or a time is refused: known mistakes, and how a client is told of them."""
