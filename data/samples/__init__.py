"""Made-up logs for dev mode, tests and the bench: realistic in form, synthetic in content, with the truth beside."""
