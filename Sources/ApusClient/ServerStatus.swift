import Messages

/// What a server does and has done since it started.
public struct ServerStatus: Hashable, Sendable {
    /// The kind of data that a model works on.
    public enum Modality: String, Hashable, Sendable {
        case text, vision, graph
        /// Tensors of any meaning.
        case tensor
    }

    /// Where a model is between being found and being gone.
    public enum State: String, Hashable, Sendable {
        case loading, ready, draining, failed
        /// Out of memory, to make room for others; the next call brings it back.
        case resting
        /// Not known to this client.
        case unknown
    }

    /// One version of one model.
    public struct Model: Hashable, Sendable {
        /// By which calls name it.
        public let name: String
        /// A positive integer.
        public let version: String
        /// What it works on.
        public let modality: Modality
        /// Whether it answers.
        public let state: State
        /// Why it does not answer; empty when it does.
        public let stateReason: String
        /// Requests taken, whatever became of them.
        public let requestCount: UInt64
        /// Requests that ended with an error.
        public let failureCount: UInt64
        /// Runs of the model: batches, or steps of a language model.
        public let executionCount: UInt64
        /// Samples in all those runs together.
        public let sampleCount: UInt64
        /// Requests that wait now.
        public let queuedRequestCount: UInt64
        /// Tokens of all texts together.
        public let generatedTokenCount: UInt64
        /// The servers behind the one that was asked that serve it and take calls now, as `HOST:PORT`; what they have
        /// done is theirs to count.
        public let shards: [String]
        /// What it takes of the memory while it is there: weights, cache and graph.
        public let residentByteCount: UInt64
        /// Whether the server that was asked serves it itself.
        public let isServedHere: Bool
    }

    /// Of the program.
    public let serverVersion: String
    /// Since the server started.
    public let uptime: Duration
    /// By name and then version.
    public let models: [Model]
}

extension ServerStatus {
    init(_ response: GetStatusResponse) {
        serverVersion = response.serverVersion
        uptime = Duration(microseconds: response.uptimeMicroseconds)
        models = response.models.map(Model.init)
    }
}

extension ServerStatus.Model {
    fileprivate init(_ status: ModelStatus) {
        let counters = status.counters ?? ModelCounters()
        self.init(
            name: status.name, version: status.version, modality: .init(status.modality), state: .init(status.state),
            stateReason: status.stateReason, requestCount: counters.requests, failureCount: counters.failures,
            executionCount: counters.executions, sampleCount: counters.samples,
            queuedRequestCount: counters.queueDepth, generatedTokenCount: counters.generatedTokens,
            shards: status.shards, residentByteCount: status.residentBytes, isServedHere: status.counters != nil)
    }
}

extension ServerStatus.Modality {
    fileprivate init(_ modality: Messages.Modality) {
        switch modality {
        case .text: self = .text
        case .vision: self = .vision
        case .graph: self = .graph
        case .unspecified, .unrecognized: self = .tensor
        }
    }
}

extension ServerStatus.State {
    fileprivate init(_ state: ModelState) {
        switch state {
        case .loading: self = .loading
        case .ready: self = .ready
        case .draining: self = .draining
        case .failed: self = .failed
        case .resting: self = .resting
        case .unspecified, .unrecognized: self = .unknown
        }
    }
}
