// Tokenizers: see Architecture.md.
