// Made by Proto/generate from etcd/etcd.proto.
// swift-format-ignore-file

import CMessages

extension EtcdResponseHeader: StoredMessage {
    typealias Stored = Etcdserverpb__ResponseHeader
    static let storedType = StoredType(etcdserverpb__response_header__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        revision = stored.revision
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.revision = revision
    }
}

extension EtcdKeyValue: StoredMessage {
    typealias Stored = Etcdserverpb__KeyValue
    static let storedType = StoredType(etcdserverpb__key_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = arena.bytes(stored.key)
        modRevision = stored.mod_revision
        value = arena.bytes(stored.value)
        lease = stored.lease
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.mod_revision = modRevision
        stored.value = arena.store(value)
        stored.lease = lease
    }
}

extension EtcdEvent: StoredMessage {
    typealias Stored = Etcdserverpb__Event
    static let storedType = StoredType(etcdserverpb__event__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        type = EtcdEvent.EventType(rawValue: Int32(bitPattern: stored.type.rawValue))
        kv = try arena.message(stored.kv)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.type = Etcdserverpb__Event__EventType(UInt32(bitPattern: type.rawValue))
        stored.kv = arena.store(kv)
    }
}

extension EtcdRangeRequest: StoredMessage {
    typealias Stored = Etcdserverpb__RangeRequest
    static let storedType = StoredType(etcdserverpb__range_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = arena.bytes(stored.key)
        rangeEnd = arena.bytes(stored.range_end)
        limit = stored.limit
        keysOnly = stored.keys_only != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.range_end = arena.store(rangeEnd)
        stored.limit = limit
        stored.keys_only = keysOnly ? 1 : 0
    }
}

extension EtcdRangeResponse: StoredMessage {
    typealias Stored = Etcdserverpb__RangeResponse
    static let storedType = StoredType(etcdserverpb__range_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        header = try arena.message(stored.header)
        kvs = try arena.messages(stored.kvs, stored.n_kvs)
        more = stored.more != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.header = arena.store(header)
        (stored.n_kvs, stored.kvs) = arena.store(kvs)
        stored.more = more ? 1 : 0
    }
}

extension EtcdPutRequest: StoredMessage {
    typealias Stored = Etcdserverpb__PutRequest
    static let storedType = StoredType(etcdserverpb__put_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = arena.bytes(stored.key)
        value = arena.bytes(stored.value)
        lease = stored.lease
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
        stored.lease = lease
    }
}

extension EtcdPutResponse: StoredMessage {
    typealias Stored = Etcdserverpb__PutResponse
    static let storedType = StoredType(etcdserverpb__put_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        header = try arena.message(stored.header)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.header = arena.store(header)
    }
}

extension EtcdWatchRequest: StoredMessage {
    typealias Stored = Etcdserverpb__WatchRequest
    static let storedType = StoredType(etcdserverpb__watch_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        switch stored.request_union_case.rawValue {
        case 1: requestUnion = .createRequest(try arena.message(stored.create_request) ?? EtcdWatchCreateRequest())
        default: requestUnion = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        switch requestUnion {
        case .createRequest(let value):
            stored.request_union_case = .init(1)
            stored.create_request = arena.store(value)
        case nil: break
        }
    }
}

extension EtcdWatchCreateRequest: StoredMessage {
    typealias Stored = Etcdserverpb__WatchCreateRequest
    static let storedType = StoredType(etcdserverpb__watch_create_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = arena.bytes(stored.key)
        rangeEnd = arena.bytes(stored.range_end)
        startRevision = stored.start_revision
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.range_end = arena.store(rangeEnd)
        stored.start_revision = startRevision
    }
}

extension EtcdWatchResponse: StoredMessage {
    typealias Stored = Etcdserverpb__WatchResponse
    static let storedType = StoredType(etcdserverpb__watch_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        header = try arena.message(stored.header)
        created = stored.created != 0
        canceled = stored.canceled != 0
        compactRevision = stored.compact_revision
        cancelReason = try arena.string(stored.cancel_reason, "etcdserverpb.WatchResponse.cancel_reason")
        events = try arena.messages(stored.events, stored.n_events)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.header = arena.store(header)
        stored.created = created ? 1 : 0
        stored.canceled = canceled ? 1 : 0
        stored.compact_revision = compactRevision
        stored.cancel_reason = arena.store(cancelReason)
        (stored.n_events, stored.events) = arena.store(events)
    }
}

extension EtcdLeaseGrantRequest: StoredMessage {
    typealias Stored = Etcdserverpb__LeaseGrantRequest
    static let storedType = StoredType(etcdserverpb__lease_grant_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        ttl = stored.ttl
        id = stored.id
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.ttl = ttl
        stored.id = id
    }
}

extension EtcdLeaseGrantResponse: StoredMessage {
    typealias Stored = Etcdserverpb__LeaseGrantResponse
    static let storedType = StoredType(etcdserverpb__lease_grant_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        id = stored.id
        ttl = stored.ttl
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.id = id
        stored.ttl = ttl
    }
}

extension EtcdLeaseRevokeRequest: StoredMessage {
    typealias Stored = Etcdserverpb__LeaseRevokeRequest
    static let storedType = StoredType(etcdserverpb__lease_revoke_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        id = stored.id
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.id = id
    }
}

extension EtcdLeaseRevokeResponse: StoredMessage {
    typealias Stored = Etcdserverpb__LeaseRevokeResponse
    static let storedType = StoredType(etcdserverpb__lease_revoke_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        header = try arena.message(stored.header)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.header = arena.store(header)
    }
}

extension EtcdLeaseKeepAliveRequest: StoredMessage {
    typealias Stored = Etcdserverpb__LeaseKeepAliveRequest
    static let storedType = StoredType(etcdserverpb__lease_keep_alive_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        id = stored.id
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.id = id
    }
}

extension EtcdLeaseKeepAliveResponse: StoredMessage {
    typealias Stored = Etcdserverpb__LeaseKeepAliveResponse
    static let storedType = StoredType(etcdserverpb__lease_keep_alive_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        id = stored.id
        ttl = stored.ttl
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.id = id
        stored.ttl = ttl
    }
}

extension EtcdAuthenticateRequest: StoredMessage {
    typealias Stored = Etcdserverpb__AuthenticateRequest
    static let storedType = StoredType(etcdserverpb__authenticate_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "etcdserverpb.AuthenticateRequest.name")
        password = try arena.string(stored.password, "etcdserverpb.AuthenticateRequest.password")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.password = arena.store(password)
    }
}

extension EtcdAuthenticateResponse: StoredMessage {
    typealias Stored = Etcdserverpb__AuthenticateResponse
    static let storedType = StoredType(etcdserverpb__authenticate_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        header = try arena.message(stored.header)
        token = try arena.string(stored.token, "etcdserverpb.AuthenticateResponse.token")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.header = arena.store(header)
        stored.token = arena.store(token)
    }
}
