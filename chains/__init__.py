"""What the chains say and take: endpoints, heads, logs, venues, and the wire side of transactions."""
