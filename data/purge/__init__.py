"""The one caller of delete: preview, confirm, approve, run, verify, certify."""
