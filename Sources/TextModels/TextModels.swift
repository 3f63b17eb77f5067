// TextModels: see Architecture.md.
