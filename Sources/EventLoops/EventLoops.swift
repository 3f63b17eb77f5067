// EventLoops: see Architecture.md.
