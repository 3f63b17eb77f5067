// InferenceService: see Architecture.md.
