package import Engine
package import Telemetry

/// What a server has beside its models, as far as callers have to do with it.
package struct ServerExtensions: Sendable {
    /// Loads and unloads models; nil for a server whose models come from elsewhere.
    package var repository: LiveRepository?
    /// How loud the log is; nil where that cannot be changed.
    package var logThreshold: LogThreshold?
    /// Whether requests may take their tensors from shared memory.
    package var allowsSharedMemory = false
    /// The most that the tensors of one request have there, all together.
    package var sharedMemoryByteCountMax = 64 << 20
    /// Other servers that answer calls; nil where there are none.
    package var directory: ShardDirectory?

    package init() {}
}
