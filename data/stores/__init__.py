"""What the product keeps, behind small interfaces with one contract suite."""
