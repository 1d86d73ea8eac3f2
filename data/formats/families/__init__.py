"""One module for each group of formats: what begins a record, and which instant it names."""
