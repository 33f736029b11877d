"""The lowest floor: run foreign code. It knows processes, files and time, and nothing of machine learning."""
