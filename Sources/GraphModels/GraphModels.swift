// GraphModels: see Architecture.md.
