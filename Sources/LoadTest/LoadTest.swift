// LoadTest: see Architecture.md.
