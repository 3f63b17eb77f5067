// Made by Proto/generate from apus/shard/v1/shard.proto.
// swift-format-ignore-file

import CMessages

extension WatchRequest: StoredMessage {
    typealias Stored = Apus__Shard__V1__WatchRequest
    static let storedType = StoredType(apus__shard__v1__watch_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension ShardState: StoredMessage {
    typealias Stored = Apus__Shard__V1__ShardState
    static let storedType = StoredType(apus__shard__v1__shard_state__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        models = try arena.messages(stored.models, stored.n_models)
        draining = stored.draining != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_models, stored.models) = arena.store(models)
        stored.draining = draining ? 1 : 0
    }
}

extension ShardModel: StoredMessage {
    typealias Stored = Apus__Shard__V1__ShardModel
    static let storedType = StoredType(apus__shard__v1__shard_model__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "apus.shard.v1.ShardModel.name")
        version = try arena.string(stored.version, "apus.shard.v1.ShardModel.version")
        expectedWaitMicroseconds = stored.expected_wait_microseconds
        serviceMicroseconds = stored.service_microseconds
        modality = try arena.string(stored.modality, "apus.shard.v1.ShardModel.modality")
        task = ModelTask(rawValue: Int32(bitPattern: stored.task.rawValue))
        runningRequests = stored.running_requests
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
        stored.expected_wait_microseconds = expectedWaitMicroseconds
        stored.service_microseconds = serviceMicroseconds
        stored.modality = arena.store(modality)
        stored.task = Apus__Shard__V1__ModelTask(UInt32(bitPattern: task.rawValue))
        stored.running_requests = runningRequests
    }
}
