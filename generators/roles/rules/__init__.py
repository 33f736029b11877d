"""The roles without a language model: analysis of the data and templates; deterministic, no key, no network."""
