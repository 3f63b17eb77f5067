// Made by Proto/generate from apus/admin/v1/admin.proto.
// swift-format-ignore-file

import CMessages

extension GetUsageRequest: StoredMessage {
    typealias Stored = Apus__Admin__V1__GetUsageRequest
    static let storedType = StoredType(apus__admin__v1__get_usage_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        tenant = try arena.string(stored.tenant, "apus.admin.v1.GetUsageRequest.tenant")
        since = stored.since
        until = stored.until_presence_case.rawValue == 3 ? stored.until : nil
        byModel = stored.by_model != 0
        byHour = stored.by_hour != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.tenant = arena.store(tenant)
        stored.since = since
        if let until {
            stored.until_presence_case = .init(3)
            stored.until = until
        }
        stored.by_model = byModel ? 1 : 0
        stored.by_hour = byHour ? 1 : 0
    }
}

extension GetUsageResponse: StoredMessage {
    typealias Stored = Apus__Admin__V1__GetUsageResponse
    static let storedType = StoredType(apus__admin__v1__get_usage_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        rows = try arena.messages(stored.rows, stored.n_rows)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_rows, stored.rows) = arena.store(rows)
    }
}

extension UsageRow: StoredMessage {
    typealias Stored = Apus__Admin__V1__UsageRow
    static let storedType = StoredType(apus__admin__v1__usage_row__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        tenant = try arena.string(stored.tenant, "apus.admin.v1.UsageRow.tenant")
        model = try arena.string(stored.model, "apus.admin.v1.UsageRow.model")
        hour = stored.hour
        requests = stored.requests
        failures = stored.failures
        promptTokens = stored.prompt_tokens
        cachedTokens = stored.cached_tokens
        generatedTokens = stored.generated_tokens
        images = stored.images
        nodes = stored.nodes
        edges = stored.edges
        queueMicroseconds = stored.queue_microseconds
        computeMicroseconds = stored.compute_microseconds
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.tenant = arena.store(tenant)
        stored.model = arena.store(model)
        stored.hour = hour
        stored.requests = requests
        stored.failures = failures
        stored.prompt_tokens = promptTokens
        stored.cached_tokens = cachedTokens
        stored.generated_tokens = generatedTokens
        stored.images = images
        stored.nodes = nodes
        stored.edges = edges
        stored.queue_microseconds = queueMicroseconds
        stored.compute_microseconds = computeMicroseconds
    }
}

extension ListTenantsRequest: StoredMessage {
    typealias Stored = Apus__Admin__V1__ListTenantsRequest
    static let storedType = StoredType(apus__admin__v1__list_tenants_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension ListTenantsResponse: StoredMessage {
    typealias Stored = Apus__Admin__V1__ListTenantsResponse
    static let storedType = StoredType(apus__admin__v1__list_tenants_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        tenants = try arena.messages(stored.tenants, stored.n_tenants)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_tenants, stored.tenants) = arena.store(tenants)
    }
}

extension TenantStatus: StoredMessage {
    typealias Stored = Apus__Admin__V1__TenantStatus
    static let storedType = StoredType(apus__admin__v1__tenant_status__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "apus.admin.v1.TenantStatus.name")
        listed = stored.listed != 0
        weight = stored.weight
        callsInProgress = stored.calls_in_progress
        maxConcurrency = stored.max_concurrency
        models = try arena.strings(stored.models, stored.n_models, "apus.admin.v1.TenantStatus.models")
        budget = try arena.messages(stored.budget, stored.n_budget)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.listed = listed ? 1 : 0
        stored.weight = weight
        stored.calls_in_progress = callsInProgress
        stored.max_concurrency = maxConcurrency
        (stored.n_models, stored.models) = arena.store(models)
        (stored.n_budget, stored.budget) = arena.store(budget)
    }
}

extension BudgetStatus: StoredMessage {
    typealias Stored = Apus__Admin__V1__BudgetStatus
    static let storedType = StoredType(apus__admin__v1__budget_status__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        unit = try arena.string(stored.unit, "apus.admin.v1.BudgetStatus.unit")
        limit = stored.limit
        spent = stored.spent
        reserved = stored.reserved
        resetsAt = stored.resets_at
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.unit = arena.store(unit)
        stored.limit = limit
        stored.spent = spent
        stored.reserved = reserved
        stored.resets_at = resetsAt
    }
}

extension GetStatusRequest: StoredMessage {
    typealias Stored = Apus__Admin__V1__GetStatusRequest
    static let storedType = StoredType(apus__admin__v1__get_status_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension GetStatusResponse: StoredMessage {
    typealias Stored = Apus__Admin__V1__GetStatusResponse
    static let storedType = StoredType(apus__admin__v1__get_status_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        serverVersion = try arena.string(stored.server_version, "apus.admin.v1.GetStatusResponse.server_version")
        uptimeMicroseconds = stored.uptime_microseconds
        models = try arena.messages(stored.models, stored.n_models)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.server_version = arena.store(serverVersion)
        stored.uptime_microseconds = uptimeMicroseconds
        (stored.n_models, stored.models) = arena.store(models)
    }
}

extension ModelStatus: StoredMessage {
    typealias Stored = Apus__Admin__V1__ModelStatus
    static let storedType = StoredType(apus__admin__v1__model_status__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "apus.admin.v1.ModelStatus.name")
        version = try arena.string(stored.version, "apus.admin.v1.ModelStatus.version")
        modality = Modality(rawValue: Int32(bitPattern: stored.modality.rawValue))
        state = ModelState(rawValue: Int32(bitPattern: stored.state.rawValue))
        stateReason = try arena.string(stored.state_reason, "apus.admin.v1.ModelStatus.state_reason")
        counters = try arena.message(stored.counters)
        shards = try arena.strings(stored.shards, stored.n_shards, "apus.admin.v1.ModelStatus.shards")
        residentBytes = stored.resident_bytes
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
        stored.modality = Apus__Admin__V1__Modality(UInt32(bitPattern: modality.rawValue))
        stored.state = Apus__Admin__V1__ModelState(UInt32(bitPattern: state.rawValue))
        stored.state_reason = arena.store(stateReason)
        stored.counters = arena.store(counters)
        (stored.n_shards, stored.shards) = arena.store(shards)
        stored.resident_bytes = residentBytes
    }
}

extension ModelCounters: StoredMessage {
    typealias Stored = Apus__Admin__V1__ModelCounters
    static let storedType = StoredType(apus__admin__v1__model_counters__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        requests = stored.requests
        failures = stored.failures
        executions = stored.executions
        samples = stored.samples
        queueDepth = stored.queue_depth
        generatedTokens = stored.generated_tokens
        cachePagesUsed = stored.cache_pages_used
        cachePagesTotal = stored.cache_pages_total
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.requests = requests
        stored.failures = failures
        stored.executions = executions
        stored.samples = samples
        stored.queue_depth = queueDepth
        stored.generated_tokens = generatedTokens
        stored.cache_pages_used = cachePagesUsed
        stored.cache_pages_total = cachePagesTotal
    }
}
