// Tests of KVCache.
