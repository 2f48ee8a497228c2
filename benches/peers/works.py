"""The works that are timed."""

# In this order: other works are compared with the products alone.
WORKS = {
    "limit": "products alone",
    "steps": "step on 16 rows of 128 tokens",
    "mixture": "steps on eight tasks with their real lengths, rows per second",
    "evaluation": "label prediction for all dev rows, rows per second",
    "generation": "32 tokens for each of 16 rows",
    "cold": "process start to first label",
}

# Timed repetitions of each work.
ROUNDS = {"limit": 7, "steps": 7, "mixture": 3, "evaluation": 1, "generation": 5, "cold": 5}
