"""What a purge did and what was seen afterwards, as a signed document; says nothing that was not verified."""
