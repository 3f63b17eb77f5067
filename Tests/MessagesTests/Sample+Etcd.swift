import Vocabulary

@testable import Messages

extension Sample {
    /// What goes to etcd and comes from it.
    static let etcd = [
        Sample(EtcdResponseHeader(revision: 9), "revision: 9"),
        Sample(
            EtcdKeyValue(key: Bytes([0, 255]), modRevision: 3, value: Bytes(utf8: "v"), lease: -1),
            #"key: "\000\377" mod_revision: 3 value: "v" lease: -1"#),
        Sample(
            EtcdEvent(type: .delete, kv: EtcdKeyValue(key: Bytes(utf8: "k"))), #"type: DELETE kv { key: "k" }"#),
        Sample(
            EtcdRangeRequest(key: Bytes(utf8: "a"), rangeEnd: Bytes(utf8: "b"), limit: 7, keysOnly: true),
            #"key: "a" range_end: "b" limit: 7 keys_only: true"#),
        Sample(
            EtcdRangeResponse(
                header: EtcdResponseHeader(revision: 1), kvs: [EtcdKeyValue(), EtcdKeyValue(lease: 2)], more: true),
            "header { revision: 1 } kvs {} kvs { lease: 2 } more: true"),
        Sample(
            EtcdPutRequest(key: Bytes(utf8: "k"), value: Bytes(utf8: "v"), lease: 5), #"key: "k" value: "v" lease: 5"#),
        Sample(EtcdPutResponse(header: EtcdResponseHeader()), "header {}"),
        Sample(
            EtcdWatchRequest(requestUnion: .createRequest(EtcdWatchCreateRequest(startRevision: 4))),
            "create_request { start_revision: 4 }"),
        Sample(
            EtcdWatchCreateRequest(key: Bytes(utf8: "a"), rangeEnd: Bytes(utf8: "b"), startRevision: 4),
            #"key: "a" range_end: "b" start_revision: 4"#),
        Sample(
            EtcdWatchResponse(
                header: EtcdResponseHeader(revision: 8), created: true, canceled: true, compactRevision: 6,
                cancelReason: "why", events: [EtcdEvent(), EtcdEvent(type: .delete)]),
            #"""
            header { revision: 8 } created: true canceled: true compact_revision: 6 cancel_reason: "why"
            events {} events { type: DELETE }
            """#),
        Sample(EtcdLeaseGrantRequest(ttl: 5, id: .max), "ttl: 5 id: 9223372036854775807"),
        Sample(EtcdLeaseGrantResponse(id: 7, ttl: 5), "id: 7 ttl: 5"),
        Sample(EtcdLeaseRevokeRequest(id: 7), "id: 7"),
        Sample(EtcdLeaseRevokeResponse(header: EtcdResponseHeader(revision: 2)), "header { revision: 2 }"),
        Sample(EtcdLeaseKeepAliveRequest(id: 7), "id: 7"),
        Sample(EtcdLeaseKeepAliveResponse(id: 7, ttl: 5), "id: 7 ttl: 5"),
        Sample(EtcdAuthenticateRequest(name: "n", password: "p"), #"name: "n" password: "p""#),
        Sample(
            EtcdAuthenticateResponse(header: EtcdResponseHeader(revision: 3), token: "t.9"),
            #"header { revision: 3 } token: "t.9""#),
    ]
}
