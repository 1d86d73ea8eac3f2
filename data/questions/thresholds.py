"""The three bands: answer, let the person choose, refuse. Fixed on the validation set by `bench/questions.py`."""

ANSWER_FROM = 0.45
"""From this probability on a topic is answered straight away."""
CHOOSE_FROM = 0.12
"""Below this nothing was recognised at all."""
MULTI_ALONE_FROM = 0.55
"""What a part of a sentence must reach by itself to count as a question of its own."""
MULTI_WHOLE_FROM = 0.03
"""What its topic must still have in the sentence as a whole."""
