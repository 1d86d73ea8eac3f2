"""Places where the customer's own logs lie, each behind one contract and one conformance suite."""
