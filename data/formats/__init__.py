"""Reads logs of any family: which bytes are one record, and between which instants it was written."""
