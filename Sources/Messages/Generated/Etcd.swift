// Made by Proto/generate from etcd/etcd.proto.
// swift-format-ignore-file

package import Vocabulary

/// Keys and their values.
package enum EtcdKVMethods {
    /// The full name of the service.
    package static let service = "etcdserverpb.KV"

    /// The keys of a range, as they are now.
    package static let range = MethodSignature<EtcdRangeRequest, EtcdRangeResponse>(
        path: "/etcdserverpb.KV/Range")

    /// Writes one key.
    package static let put = MethodSignature<EtcdPutRequest, EtcdPutResponse>(
        path: "/etcdserverpb.KV/Put")
}

/// What happens to keys.
package enum EtcdWatchMethods {
    /// The full name of the service.
    package static let service = "etcdserverpb.Watch"

    /// Tells of every change from a revision on, until the caller ends it.
    package static let watch = MethodSignature<EtcdWatchRequest, EtcdWatchResponse>(
        path: "/etcdserverpb.Watch/Watch", clientStreams: true, serverStreams: true)
}

/// Promises that end unless they are renewed; the keys that hang on one go with it.
package enum EtcdLeaseMethods {
    /// The full name of the service.
    package static let service = "etcdserverpb.Lease"

    /// Begins a lease.
    package static let leaseGrant = MethodSignature<EtcdLeaseGrantRequest, EtcdLeaseGrantResponse>(
        path: "/etcdserverpb.Lease/LeaseGrant")

    /// Ends one, and removes its keys.
    package static let leaseRevoke = MethodSignature<EtcdLeaseRevokeRequest, EtcdLeaseRevokeResponse>(
        path: "/etcdserverpb.Lease/LeaseRevoke")

    /// Renews leases, one with each message.
    package static let leaseKeepAlive = MethodSignature<EtcdLeaseKeepAliveRequest, EtcdLeaseKeepAliveResponse>(
        path: "/etcdserverpb.Lease/LeaseKeepAlive", clientStreams: true, serverStreams: true)
}

/// Who calls.
package enum EtcdAuthMethods {
    /// The full name of the service.
    package static let service = "etcdserverpb.Auth"

    /// Begins to be a user: the token goes with the calls that follow, as metadata `token`.
    package static let authenticate = MethodSignature<EtcdAuthenticateRequest, EtcdAuthenticateResponse>(
        path: "/etcdserverpb.Auth/Authenticate")
}

/// Where the answer comes from.
package struct EtcdResponseHeader: Message {
    /// Counts the changes of all keys: the answer is as of this one.
    package var revision: Int64

    package init(revision: Int64 = 0) {
        self.revision = revision
    }
}

/// A key and its value.
package struct EtcdKeyValue: Message {
    /// The key.
    package var key: Bytes
    /// The revision at which it was last written.
    package var modRevision: Int64
    /// Its value.
    package var value: Bytes
    /// The lease that it hangs on; 0 for none.
    package var lease: Int64

    package init(key: Bytes = Bytes(), modRevision: Int64 = 0, value: Bytes = Bytes(), lease: Int64 = 0) {
        self.key = key
        self.modRevision = modRevision
        self.value = value
        self.lease = lease
    }
}

/// A change of one key.
package struct EtcdEvent: Message {
    /// What may happen to a key.
    package enum EventType: Hashable, Sendable {
        /// It was written.
        case put
        /// It was removed, or its lease has ended.
        case delete
        /// A value of a newer schema.
        case unrecognized(Int32)

        /// The value on the wire.
        package var rawValue: Int32 {
            switch self {
            case .put: 0
            case .delete: 1
            case .unrecognized(let value): value
            }
        }

        /// Any value has a case.
        package init(rawValue: Int32) {
            switch rawValue {
            case 0: self = .put
            case 1: self = .delete
            default: self = .unrecognized(rawValue)
            }
        }
    }

    /// What has happened.
    package var type: EtcdEvent.EventType
    /// The key, as it is now; a key that was removed has no value.
    package var kv: EtcdKeyValue?

    package init(type: EtcdEvent.EventType = .put, kv: EtcdKeyValue? = nil) {
        self.type = type
        self.kv = kv
    }
}

/// Asks for keys.
package struct EtcdRangeRequest: Message {
    /// The first key.
    package var key: Bytes
    /// The key behind the last one; empty for the first key only.
    package var rangeEnd: Bytes
    /// The most keys to answer with; 0 for all.
    package var limit: Int64
    /// Whether to leave out the values.
    package var keysOnly: Bool

    package init(key: Bytes = Bytes(), rangeEnd: Bytes = Bytes(), limit: Int64 = 0, keysOnly: Bool = false) {
        self.key = key
        self.rangeEnd = rangeEnd
        self.limit = limit
        self.keysOnly = keysOnly
    }
}

/// The keys asked for.
package struct EtcdRangeResponse: Message {
    /// As of when.
    package var header: EtcdResponseHeader?
    /// The keys, in their order.
    package var kvs: [EtcdKeyValue]
    /// Whether there are more than were asked for.
    package var more: Bool

    package init(header: EtcdResponseHeader? = nil, kvs: [EtcdKeyValue] = [], more: Bool = false) {
        self.header = header
        self.kvs = kvs
        self.more = more
    }
}

/// Writes a key.
package struct EtcdPutRequest: Message {
    /// The key.
    package var key: Bytes
    /// Its value.
    package var value: Bytes
    /// The lease that it hangs on from now; 0 for none.
    package var lease: Int64

    package init(key: Bytes = Bytes(), value: Bytes = Bytes(), lease: Int64 = 0) {
        self.key = key
        self.value = value
        self.lease = lease
    }
}

/// The key is written.
package struct EtcdPutResponse: Message {
    /// At which revision.
    package var header: EtcdResponseHeader?

    package init(header: EtcdResponseHeader? = nil) {
        self.header = header
    }
}

/// What the caller of Watch says.
package struct EtcdWatchRequest: Message {
    /// One of these; of those that etcd has, the only one that is used.
    package enum RequestUnion: Equatable, Sendable {
        /// Begins to watch a range.
        case createRequest(EtcdWatchCreateRequest)
    }

    /// One of these; of those that etcd has, the only one that is used.
    package var requestUnion: RequestUnion?

    package init(requestUnion: RequestUnion? = nil) {
        self.requestUnion = requestUnion
    }
}

/// Begins to watch a range.
package struct EtcdWatchCreateRequest: Message {
    /// The first key.
    package var key: Bytes
    /// The key behind the last one.
    package var rangeEnd: Bytes
    /// The first revision to tell of; 0 for the next one.
    package var startRevision: Int64

    package init(key: Bytes = Bytes(), rangeEnd: Bytes = Bytes(), startRevision: Int64 = 0) {
        self.key = key
        self.rangeEnd = rangeEnd
        self.startRevision = startRevision
    }
}

/// Changes, or what became of a watch.
package struct EtcdWatchResponse: Message {
    /// As of when.
    package var header: EtcdResponseHeader?
    /// Whether this says that the watch has begun.
    package var created: Bool
    /// Whether the watch has ended.
    package var canceled: Bool
    /// The oldest revision that can still be told of, when the one asked for cannot.
    package var compactRevision: Int64
    /// Why the watch has ended.
    package var cancelReason: String
    /// What has happened, in order.
    package var events: [EtcdEvent]

    package init(
        header: EtcdResponseHeader? = nil,
        created: Bool = false,
        canceled: Bool = false,
        compactRevision: Int64 = 0,
        cancelReason: String = "",
        events: [EtcdEvent] = []
    ) {
        self.header = header
        self.created = created
        self.canceled = canceled
        self.compactRevision = compactRevision
        self.cancelReason = cancelReason
        self.events = events
    }
}

/// Begins a lease.
package struct EtcdLeaseGrantRequest: Message {
    /// How long it lasts, in seconds; etcd may make it longer.
    package var ttl: Int64
    /// Its number; 0 lets etcd choose one.
    package var id: Int64

    package init(ttl: Int64 = 0, id: Int64 = 0) {
        self.ttl = ttl
        self.id = id
    }
}

/// The lease has begun.
package struct EtcdLeaseGrantResponse: Message {
    /// Its number.
    package var id: Int64
    /// How long it lasts, in seconds.
    package var ttl: Int64

    package init(id: Int64 = 0, ttl: Int64 = 0) {
        self.id = id
        self.ttl = ttl
    }
}

/// Ends a lease.
package struct EtcdLeaseRevokeRequest: Message {
    /// Its number.
    package var id: Int64

    package init(id: Int64 = 0) {
        self.id = id
    }
}

/// The lease has ended.
package struct EtcdLeaseRevokeResponse: Message {
    /// At which revision its keys are gone.
    package var header: EtcdResponseHeader?

    package init(header: EtcdResponseHeader? = nil) {
        self.header = header
    }
}

/// Renews a lease.
package struct EtcdLeaseKeepAliveRequest: Message {
    /// Its number.
    package var id: Int64

    package init(id: Int64 = 0) {
        self.id = id
    }
}

/// The lease is renewed.
package struct EtcdLeaseKeepAliveResponse: Message {
    /// Its number.
    package var id: Int64
    /// How many seconds it lasts from now; 0 when there is no such lease any more.
    package var ttl: Int64

    package init(id: Int64 = 0, ttl: Int64 = 0) {
        self.id = id
        self.ttl = ttl
    }
}

/// Says who calls.
package struct EtcdAuthenticateRequest: Message {
    /// The user.
    package var name: String
    /// What only the user knows.
    package var password: String

    package init(name: String = "", password: String = "") {
        self.name = name
        self.password = password
    }
}

/// The caller is who it says.
package struct EtcdAuthenticateResponse: Message {
    /// As of when.
    package var header: EtcdResponseHeader?
    /// What to show with calls, for as long as etcd knows it.
    package var token: String

    package init(header: EtcdResponseHeader? = nil, token: String = "") {
        self.header = header
        self.token = token
    }
}
