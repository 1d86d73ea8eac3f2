"""PostgreSQL behind every store, for more than one process and more than one machine."""
