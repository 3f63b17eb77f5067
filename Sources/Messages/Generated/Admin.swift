// Made by Proto/generate from apus/admin/v1/admin.proto.
// swift-format-ignore-file

/// What those who run the server want to know.
package enum AdminMethods {
    /// The full name of the service.
    package static let service = "apus.admin.v1.Admin"

    /// What the server is doing now and what it has done since it started.
    package static let getStatus = MethodSignature<GetStatusRequest, GetStatusResponse>(
        path: "/apus.admin.v1.Admin/GetStatus")
}

/// The kind of data a model works on.
package enum Modality: Hashable, Sendable {
    /// Tensors of any meaning.
    case unspecified
    /// Text.
    case text
    /// Pictures.
    case vision
    /// Graphs.
    case graph
    /// A value of a newer schema.
    case unrecognized(Int32)

    /// The value on the wire.
    package var rawValue: Int32 {
        switch self {
        case .unspecified: 0
        case .text: 1
        case .vision: 2
        case .graph: 3
        case .unrecognized(let value): value
        }
    }

    /// Any value has a case.
    package init(rawValue: Int32) {
        switch rawValue {
        case 0: self = .unspecified
        case 1: self = .text
        case 2: self = .vision
        case 3: self = .graph
        default: self = .unrecognized(rawValue)
        }
    }
}

/// Where a model is between being found and being gone.
package enum ModelState: Hashable, Sendable {
    /// Not known to this client.
    case unspecified
    /// Being read and warmed up.
    case loading
    /// Answering.
    case ready
    /// Finishing what it has begun; takes nothing new.
    case draining
    /// Could not be loaded, or failed since.
    case failed
    /// A value of a newer schema.
    case unrecognized(Int32)

    /// The value on the wire.
    package var rawValue: Int32 {
        switch self {
        case .unspecified: 0
        case .loading: 1
        case .ready: 2
        case .draining: 3
        case .failed: 4
        case .unrecognized(let value): value
        }
    }

    /// Any value has a case.
    package init(rawValue: Int32) {
        switch rawValue {
        case 0: self = .unspecified
        case 1: self = .loading
        case 2: self = .ready
        case 3: self = .draining
        case 4: self = .failed
        default: self = .unrecognized(rawValue)
        }
    }
}

/// Asks for the status of the server.
package struct GetStatusRequest: Message {
    package init() {}
}

/// The status of the server.
package struct GetStatusResponse: Message {
    /// The version of the server.
    package var serverVersion: String
    /// Time since the server started.
    package var uptimeMicroseconds: UInt64
    /// Every model that the server knows, by name and then version.
    package var models: [ModelStatus]

    package init(serverVersion: String = "", uptimeMicroseconds: UInt64 = 0, models: [ModelStatus] = []) {
        self.serverVersion = serverVersion
        self.uptimeMicroseconds = uptimeMicroseconds
        self.models = models
    }
}

/// One version of one model.
package struct ModelStatus: Message {
    /// The model.
    package var name: String
    /// Its version, a positive integer.
    package var version: String
    /// The kind of data it works on.
    package var modality: Modality
    /// Whether it answers.
    package var state: ModelState
    /// Why it does not; empty when it does.
    package var stateReason: String
    /// What it has done since it was loaded.
    package var counters: ModelCounters?

    package init(
        name: String = "",
        version: String = "",
        modality: Modality = .unspecified,
        state: ModelState = .unspecified,
        stateReason: String = "",
        counters: ModelCounters? = nil
    ) {
        self.name = name
        self.version = version
        self.modality = modality
        self.state = state
        self.stateReason = stateReason
        self.counters = counters
    }
}

/// What a model has done since it was loaded. Those that only grow wrap around never; those marked "now" go up and
/// down.
package struct ModelCounters: Message {
    /// Requests taken, whatever became of them.
    package var requests: UInt64
    /// Requests that ended with an error, those refused for a full queue included.
    package var failures: UInt64
    /// Runs of the model: batches, or steps of a language model.
    package var executions: UInt64
    /// Samples in all those runs together; divided by `executions`, the mean batch size.
    package var samples: UInt64
    /// Requests that wait, now.
    package var queueDepth: UInt64
    /// Tokens generated.
    package var generatedTokens: UInt64
    /// Pages of the key-value cache in use, now.
    package var cachePagesUsed: UInt64
    /// Pages that the key-value cache has.
    package var cachePagesTotal: UInt64

    package init(
        requests: UInt64 = 0,
        failures: UInt64 = 0,
        executions: UInt64 = 0,
        samples: UInt64 = 0,
        queueDepth: UInt64 = 0,
        generatedTokens: UInt64 = 0,
        cachePagesUsed: UInt64 = 0,
        cachePagesTotal: UInt64 = 0
    ) {
        self.requests = requests
        self.failures = failures
        self.executions = executions
        self.samples = samples
        self.queueDepth = queueDepth
        self.generatedTokens = generatedTokens
        self.cachePagesUsed = cachePagesUsed
        self.cachePagesTotal = cachePagesTotal
    }
}
