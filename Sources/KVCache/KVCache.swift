// KVCache: see Architecture.md.
