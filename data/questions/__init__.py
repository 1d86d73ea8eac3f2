"""How a sentence becomes a topic: normalising, language, matcher, grammar of commands; pure, no I/O but loading."""
