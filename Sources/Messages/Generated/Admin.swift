// Made by Proto/generate from apus/admin/v1/admin.proto.
// swift-format-ignore-file

/// What those who run the server want to know.
package enum AdminMethods {
    /// The full name of the service.
    package static let service = "apus.admin.v1.Admin"

    /// What the server is doing now and what it has done since it started.
    package static let getStatus = MethodSignature<GetStatusRequest, GetStatusResponse>(
        path: "/apus.admin.v1.Admin/GetStatus")

    /// What tenants have used, from the ledger. FAILED_PRECONDITION for a server that keeps none.
    package static let getUsage = MethodSignature<GetUsageRequest, GetUsageResponse>(
        path: "/apus.admin.v1.Admin/GetUsage")

    /// The tenants that are configured or were seen: what they may do, and what they have in progress.
    package static let listTenants = MethodSignature<ListTenantsRequest, ListTenantsResponse>(
        path: "/apus.admin.v1.Admin/ListTenants")
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
    /// Out of memory, to make room for others; the next call brings it back.
    case resting
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
        case .resting: 5
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
        case 5: self = .resting
        default: self = .unrecognized(rawValue)
        }
    }
}

/// Asks what tenants have used.
package struct GetUsageRequest: Message {
    /// One tenant; all of them when empty.
    package var tenant: String
    /// The first moment, in seconds since 1970; hours that begin from then on count.
    package var since: Int64
    /// The moment after the last one; when absent, now is in.
    package var until: Int64?
    /// Whether each model gets a row of its own.
    package var byModel: Bool
    /// Whether each hour gets a row of its own.
    package var byHour: Bool

    package init(
        tenant: String = "",
        since: Int64 = 0,
        until: Int64? = nil,
        byModel: Bool = false,
        byHour: Bool = false
    ) {
        self.tenant = tenant
        self.since = since
        self.until = until
        self.byModel = byModel
        self.byHour = byHour
    }
}

/// What tenants have used.
package struct GetUsageResponse: Message {
    /// By tenant, then model, then hour.
    package var rows: [UsageRow]

    package init(rows: [UsageRow] = []) {
        self.rows = rows
    }
}

/// What a tenant has used: of a model and in an hour, where the request tells them apart.
package struct UsageRow: Message {
    /// The tenant.
    package var tenant: String
    /// The model; empty for all together, and for calls that named no model there is.
    package var model: String
    /// The first second of the hour, since 1970; 0 for all together.
    package var hour: Int64
    /// Calls for what models do that were let in, whatever became of them. Calls that only look, such as `ModelMetadata`,
    /// `ModelReady` and those of the health service, are none.
    package var requests: UInt64
    /// Those that ended with an error.
    package var failures: UInt64
    /// Tokens of prompts.
    package var promptTokens: UInt64
    /// Tokens of prompts that did not have to be computed.
    package var cachedTokens: UInt64
    /// Tokens generated.
    package var generatedTokens: UInt64
    /// Pictures looked at.
    package var images: UInt64
    /// Nodes of graphs, asked for or sent.
    package var nodes: UInt64
    /// Edges of graphs that were sent.
    package var edges: UInt64
    /// Waiting in queues.
    package var queueMicroseconds: UInt64
    /// Computing; an execution that calls share counts in full for each.
    package var computeMicroseconds: UInt64

    package init(
        tenant: String = "",
        model: String = "",
        hour: Int64 = 0,
        requests: UInt64 = 0,
        failures: UInt64 = 0,
        promptTokens: UInt64 = 0,
        cachedTokens: UInt64 = 0,
        generatedTokens: UInt64 = 0,
        images: UInt64 = 0,
        nodes: UInt64 = 0,
        edges: UInt64 = 0,
        queueMicroseconds: UInt64 = 0,
        computeMicroseconds: UInt64 = 0
    ) {
        self.tenant = tenant
        self.model = model
        self.hour = hour
        self.requests = requests
        self.failures = failures
        self.promptTokens = promptTokens
        self.cachedTokens = cachedTokens
        self.generatedTokens = generatedTokens
        self.images = images
        self.nodes = nodes
        self.edges = edges
        self.queueMicroseconds = queueMicroseconds
        self.computeMicroseconds = computeMicroseconds
    }
}

/// Asks for the tenants.
package struct ListTenantsRequest: Message {
    package init() {}
}

/// The tenants.
package struct ListTenantsResponse: Message {
    /// By name.
    package var tenants: [TenantStatus]

    package init(tenants: [TenantStatus] = []) {
        self.tenants = tenants
    }
}

/// A tenant.
package struct TenantStatus: Message {
    /// Its name.
    package var name: String
    /// Whether the configuration names it; others get what it says of those that are not listed.
    package var listed: Bool
    /// Its share where tenants compete.
    package var weight: UInt32
    /// Calls in progress, now.
    package var callsInProgress: UInt64
    /// The most calls in progress; 0 for no limit.
    package var maxConcurrency: UInt64
    /// What it may call; empty for all models.
    package var models: [String]
    /// What it has of its budget, one entry a unit that is limited.
    package var budget: [BudgetStatus]

    package init(
        name: String = "",
        listed: Bool = false,
        weight: UInt32 = 0,
        callsInProgress: UInt64 = 0,
        maxConcurrency: UInt64 = 0,
        models: [String] = [],
        budget: [BudgetStatus] = []
    ) {
        self.name = name
        self.listed = listed
        self.weight = weight
        self.callsInProgress = callsInProgress
        self.maxConcurrency = maxConcurrency
        self.models = models
        self.budget = budget
    }
}

/// What a tenant has of one unit of its budget.
package struct BudgetStatus: Message {
    /// `requests`, `tokens`, `images`, `nodes` or `edges`.
    package var unit: String
    /// The most in a period.
    package var limit: UInt64
    /// Spent in this period.
    package var spent: UInt64
    /// Promised to calls in progress.
    package var reserved: UInt64
    /// When the next period begins, in seconds since 1970.
    package var resetsAt: Int64

    package init(unit: String = "", limit: UInt64 = 0, spent: UInt64 = 0, reserved: UInt64 = 0, resetsAt: Int64 = 0) {
        self.unit = unit
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.resetsAt = resetsAt
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
    /// What it has done since it was loaded. Absent for a model that other servers serve: they count for themselves.
    package var counters: ModelCounters?
    /// The servers behind this one that serve it and take calls now, as `HOST:PORT`.
    package var shards: [String]
    /// What it takes of the memory while it is there: weights, cache and graph.
    package var residentBytes: UInt64

    package init(
        name: String = "",
        version: String = "",
        modality: Modality = .unspecified,
        state: ModelState = .unspecified,
        stateReason: String = "",
        counters: ModelCounters? = nil,
        shards: [String] = [],
        residentBytes: UInt64 = 0
    ) {
        self.name = name
        self.version = version
        self.modality = modality
        self.state = state
        self.stateReason = stateReason
        self.counters = counters
        self.shards = shards
        self.residentBytes = residentBytes
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
