// Engine: see Architecture.md.
