"""A liquidation in one transaction: from inventory, or paid by a flash swap of what it seizes."""
