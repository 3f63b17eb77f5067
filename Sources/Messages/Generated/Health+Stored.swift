// Made by Proto/generate from grpc/health/v1/health.proto.
// swift-format-ignore-file

import CMessages

extension HealthCheckRequest: StoredMessage {
    typealias Stored = Grpc__Health__V1__HealthCheckRequest
    static let storedType = StoredType(grpc__health__v1__health_check_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        service = try arena.string(stored.service, "grpc.health.v1.HealthCheckRequest.service")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.service = arena.store(service)
    }
}

extension HealthCheckResponse: StoredMessage {
    typealias Stored = Grpc__Health__V1__HealthCheckResponse
    static let storedType = StoredType(grpc__health__v1__health_check_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        status = HealthCheckResponse.ServingStatus(rawValue: Int32(bitPattern: stored.status.rawValue))
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.status = Grpc__Health__V1__HealthCheckResponse__ServingStatus(UInt32(bitPattern: status.rawValue))
    }
}

extension HealthListRequest: StoredMessage {
    typealias Stored = Grpc__Health__V1__HealthListRequest
    static let storedType = StoredType(grpc__health__v1__health_list_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension HealthListResponse: StoredMessage {
    typealias Stored = Grpc__Health__V1__HealthListResponse
    static let storedType = StoredType(grpc__health__v1__health_list_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        statuses = try arena.dictionary(stored.statuses, stored.n_statuses, of: StatusesEntry.self)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_statuses, stored.statuses) = arena.store(statuses, as: StatusesEntry.self)
    }
}

extension HealthListResponse {
    struct StatusesEntry {
        var key: String = ""
        var value: HealthCheckResponse = HealthCheckResponse()
    }
}

extension HealthListResponse.StatusesEntry: MapEntry {
    typealias Stored = Grpc__Health__V1__HealthListResponse__StatusesEntry
    static let storedType = StoredType(grpc__health__v1__health_list_response__statuses_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "grpc.health.v1.HealthListResponse.StatusesEntry.key")
        value = try arena.message(stored.value) ?? HealthCheckResponse()
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}
