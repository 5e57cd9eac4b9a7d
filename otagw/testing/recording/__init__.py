"""Recordings of a cloud: made through a proxy, answered from offline, and compared with a gateway."""
