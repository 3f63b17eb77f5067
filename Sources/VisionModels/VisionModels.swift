// VisionModels: see Architecture.md.
