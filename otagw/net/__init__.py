"""Every connection that the gateway opens to another host, so that SSRF is judged in one place."""
