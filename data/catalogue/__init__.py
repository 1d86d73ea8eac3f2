"""What the product knows: the clauses of the terms, the open topics, the notices, and the files they come from."""
