"""The rules of deletion, pure: what is old, what may go, what was decided; nothing here reads a clock or a file."""
