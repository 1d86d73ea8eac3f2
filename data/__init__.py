"""The domain: what the product knows, decides and keeps; knows no Teams and no card."""
