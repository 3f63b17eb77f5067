// Made by Proto/generate from apus/admin/v1/admin.proto.
// swift-format-ignore-file

import CMessages

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
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
        stored.modality = Apus__Admin__V1__Modality(UInt32(bitPattern: modality.rawValue))
        stored.state = Apus__Admin__V1__ModelState(UInt32(bitPattern: state.rawValue))
        stored.state_reason = arena.store(stateReason)
        stored.counters = arena.store(counters)
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
