package import Engine
package import Spans
package import Telemetry

/// What a server has beside its models, as far as callers have to do with it.
package struct ServerExtensions: Sendable {
    /// Loads and unloads models; nil for a server whose models come from elsewhere.
    package var repository: LiveRepository?
    /// How loud the log is; nil where that cannot be changed.
    package var logThreshold: LogThreshold?
    /// Which calls of models are recorded, for admins to change; nil for a server that exports no spans.
    package var spanRules: SharedSpanRules?
    /// The most that the tensors of one request have in shared memory, all together; nil where they may have none.
    package var sharedMemoryByteCountMax: Int?
    /// Other servers that answer calls; nil where there are none.
    package var directory: ShardDirectory?

    package init() {}
}
