// Made by Proto/generate from apus/shard/v1/shard.proto.
// swift-format-ignore-file

/// A shard, seen by a router.
package enum ShardMethods {
    /// The full name of the service.
    package static let service = "apus.shard.v1.Shard"

    /// The state of the shard: at once, when it begins to drain, and otherwise a few times a second. The stream ends
    /// when the shard has said that it drains.
    package static let watch = MethodSignature<WatchRequest, ShardState>(
        path: "/apus.shard.v1.Shard/Watch", serverStreams: true)
}

/// Asks for the state of a shard.
package struct WatchRequest: Message {
    package init() {}
}

/// What a shard serves, and how busy it is.
package struct ShardState: Message {
    /// Every version of every model that would answer.
    package var models: [ShardModel]
    /// Whether the shard takes no new calls: those that it has are ended.
    package var draining: Bool

    package init(models: [ShardModel] = [], draining: Bool = false) {
        self.models = models
        self.draining = draining
    }
}

/// One version of one model.
package struct ShardModel: Message {
    /// The model.
    package var name: String
    /// Its version, a positive integer.
    package var version: String
    /// How long a request would wait now before its execution begins, as far as can be told.
    package var expectedWaitMicroseconds: UInt64
    /// What one request adds to the wait of those behind it: the time of all executions, divided by the requests that
    /// were answered.
    package var serviceMicroseconds: UInt64
    /// The kind of data it works on: `text`, `vision`, `graph` or `tensor`.
    package var modality: String
    /// The requests that have begun and not ended, such as texts that are being written: how many share the machine with
    /// one that comes. An earlier version does not say.
    package var runningRequests: UInt64

    package init(
        name: String = "",
        version: String = "",
        expectedWaitMicroseconds: UInt64 = 0,
        serviceMicroseconds: UInt64 = 0,
        modality: String = "",
        runningRequests: UInt64 = 0
    ) {
        self.name = name
        self.version = version
        self.expectedWaitMicroseconds = expectedWaitMicroseconds
        self.serviceMicroseconds = serviceMicroseconds
        self.modality = modality
        self.runningRequests = runningRequests
    }
}
