package import Vocabulary

/// Which calls should go to the same replica, because what one leaves there helps the next: those whose prompts begin
/// alike, in the same namespace of the cache.
///
/// Every front end makes the same key of the same call, so that several of them send it to the same replica.
package struct AffinityKey: Hashable, Sendable {
    private let hash: UInt64

    /// - Parameters:
    ///   - tenant: whose cache it is; nil for nobody's.
    ///   - selector: the model.
    ///   - salt: what the caller keeps its prompts apart by.
    ///   - prefix: what the prompt begins with.
    package init(tenant: TenantID?, selector: ModelSelector, salt: String, prefix: UnsafeRawBufferPointer) {
        var hash = StableHash()
        hash.add(tenant?.name ?? "")
        hash.add(selector.name.name)
        hash.add(selector.version?.description ?? "")
        hash.add(salt)
        hash.add(prefix)
        self.hash = hash.value
    }

    /// How much the replica with this place in the ring of hashes is preferred: the highest is first.
    ///
    /// A replica that comes takes over the keys that prefer it, and one that goes leaves each of its own to that key's
    /// next; all others stay where they are.
    /// - Source: D. G. Thaler, C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998 (rendezvous
    ///   hashing).
    func preference(for place: UInt64) -> UInt64 { StableHash.mixed(hash ^ place) }

    /// The place of a replica.
    static func place(of replica: ReplicaID) -> UInt64 {
        var hash = StableHash()
        hash.add(replica.address)
        return StableHash.mixed(hash.value)
    }
}

/// A hash that is the same in every process; nobody gains anything by a collision but company at a replica.
///
/// - Source: FNV-1a, 64 bits; the finaliser of SplitMix64.
private struct StableHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    private mutating func add(byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

    mutating func add(_ bytes: UnsafeRawBufferPointer) { for byte in bytes { add(byte: byte) } }

    /// A text and its end, so that the next one cannot continue it; no name has a byte 255.
    mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte: byte) }
        add(byte: 0xFF)
    }

    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
