"""The two faces of the product, Teams and the command line; the only floor that knows HTTP and the Bot Framework."""
