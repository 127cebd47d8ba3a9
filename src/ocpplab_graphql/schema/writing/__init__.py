"""Writing, the pure part: what is wrong with an input, what is sent, and what a refusal is about."""
