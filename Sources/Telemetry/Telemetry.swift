// Telemetry: see Architecture.md.
