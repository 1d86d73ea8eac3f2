"""The three bands: answer, let the person choose, refuse. Fixed on the validation set by `bench/questions.py`."""

ANSWER_FROM = 0.14
"""From this probability on a topic is answered straight away."""
CHOOSE_FROM = 0.08
"""Below this nothing was recognised at all."""
MULTI_ALONE_FROM = 0.40
"""What a part of a sentence must reach by itself to count as a question of its own."""
MULTI_WHOLE_FROM = 0.004
"""What its topic must still have in the sentence as a whole."""
NEAR = 0.7
"""Two topics are near when the second has at least this share of what the first has."""
STAY_FROM = 0.5
"""From this probability on a short sentence belongs to the subject before it."""
SURE_FROM = 0.4
"""From this probability on a short sentence has left the subject."""
SUGGEST_FROM = 0.35
"""From this probability on the matcher may suggest a command, if the grammar permits it."""
OBJECT_FROM = 0.5
"""From this probability on the matcher may object to what the grammar recognised."""
