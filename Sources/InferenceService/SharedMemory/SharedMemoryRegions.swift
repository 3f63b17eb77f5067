import Messages
import Synchronization
import Vocabulary

/// The regions of shared memory that requests may name, each of them its owner's alone.
///
/// - Isolation: any thread.
final class SharedMemoryRegions: Sendable {
    /// The most of them.
    static let countMax = 1024

    /// The most that the tensors of one request have there, all together.
    let requestByteCountMax: Int
    private let regions = Mutex<[Name: SharedMemoryRegion]>([:])

    init(requestByteCountMax: Int) { self.requestByteCountMax = requestByteCountMax }

    private struct Name: Hashable {
        /// Nil for callers without a tenant.
        let owner: TenantID?
        let name: String
    }

    /// What requests of one caller may name.
    struct View {
        let regions: SharedMemoryRegions
        let owner: TenantID?

        /// As `SharedMemoryRegions.place`.
        func place(_ parameters: [String: InferParameter], tensor: String) throws(ServingError) -> Place? {
            try regions.place(parameters, of: owner, tensor: tensor)
        }
    }

    /// A part of a region that a request names for a tensor.
    struct Place: Sendable {
        let name: String
        let region: SharedMemoryRegion
        let range: Range<Int>
    }

    /// Registers a region.
    ///
    /// - Throws: ALREADY_EXISTS; INVALID_ARGUMENT when it is not there; RESOURCE_EXHAUSTED.
    func register(_ request: SystemSharedMemoryRegisterRequest, for owner: TenantID?) throws(ServingError) {
        guard !request.name.isEmpty else {
            throw ServingError(.invalidArgument, "expected a name for the shared memory region, got none")
        }
        let region = try SharedMemoryRegion(
            name: request.name, key: request.key, offset: request.offset, byteCount: request.byteSize)
        let name = Name(owner: owner, name: request.name)
        let refusal: ServingError? = regions.withLock { regions in
            guard regions[name] == nil else {
                return ServingError(
                    .alreadyExists, "shared memory region '\(request.name)' already in manager",
                    label: "shared_memory_exists")
            }
            guard regions.count < Self.countMax else {
                return ServingError(
                    .resourceExhausted, "\(Self.countMax) shared memory regions are registered, which is the most",
                    label: "shared_memory_full")
            }
            regions[name] = region
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Forgets a region, or all of the owner's by the empty name; nothing when it is not there.
    func unregister(_ name: String, of owner: TenantID?) {
        // Closed behind the lock, with what requests still hold of it.
        let forgotten = regions.withLock { regions -> [Name: SharedMemoryRegion] in
            let forgotten = regions.filter { $0.key.owner == owner && (name.isEmpty || $0.key.name == name) }
            for name in forgotten.keys { regions[name] = nil }
            return forgotten
        }
        _ = forgotten
    }

    /// The regions of an owner, or one of them.
    ///
    /// - Throws: NOT_FOUND.
    func status(_ name: String, of owner: TenantID?) throws(ServingError) -> SystemSharedMemoryStatusResponse {
        let found = regions.withLock { regions in
            regions.filter { $0.key.owner == owner && (name.isEmpty || $0.key.name == name) }
        }
        guard name.isEmpty || !found.isEmpty else { throw Self.unknown(name) }
        return SystemSharedMemoryStatusResponse(
            regions: Dictionary(
                uniqueKeysWithValues: found.map { name, region in
                    (
                        name.name,
                        .init(
                            name: name.name, key: region.key, offset: UInt64(region.offset),
                            byteSize: UInt64(region.byteCount))
                    )
                }))
    }

    /// The place that the parameters of a tensor name; nil when they name none.
    ///
    /// - Throws: INVALID_ARGUMENT, naming the tensor by `tensor`; NOT_FOUND for a region that is not the
    ///   owner's.
    func place(
        _ parameters: [String: InferParameter], of owner: TenantID?, tensor: String
    ) throws(ServingError) -> Place? {
        guard let name = try SharedMemoryPlace.region(parameters, tensor: tensor) else { return nil }
        let byteCount = try SharedMemoryPlace.integer("shared_memory_byte_size", parameters, tensor: tensor)
        let offset = try SharedMemoryPlace.integer("shared_memory_offset", parameters, tensor: tensor) ?? 0
        guard let byteCount else {
            throw ServingError(.invalidArgument, "'shared_memory_byte_size' is missing for \(tensor)")
        }
        guard let region = regions.withLock({ $0[Name(owner: owner, name: name)] }) else { throw Self.unknown(name) }
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard !overflow, end <= region.byteCount else {
            throw ServingError(
                .invalidArgument,
                "Invalid offset \(offset) and byte size \(byteCount) for shared memory region: '\(name)', which has "
                    + "\(region.byteCount) bytes", label: "bad_shared_memory")
        }
        return Place(name: name, region: region, range: offset..<end)
    }

    private static func unknown(_ name: String) -> ServingError {
        ServingError(
            .notFound, "Unable to find system shared memory region: '\(name.shown())'",
            label: "unknown_shared_memory")
    }
}

/// The parameters by which a tensor names a place in shared memory.
enum SharedMemoryPlace {
    /// The name of the region; nil when there is none.
    static func region(_ parameters: [String: InferParameter], tensor: String) throws(ServingError) -> String? {
        switch parameters["shared_memory_region"]?.parameterChoice {
        case nil: return nil
        case .stringParam(let name)?: return name
        case _?:
            throw ServingError(
                .invalidArgument,
                "invalid value type for 'shared_memory_region' parameter for \(tensor), expected string_param.")
        }
    }

    /// A number that is not negative; nil when it is not there.
    static func integer(
        _ key: String, _ parameters: [String: InferParameter], tensor: String
    ) throws(ServingError) -> Int? {
        switch parameters[key]?.parameterChoice {
        case nil: return nil
        case .int64Param(let value)? where value >= 0: return Int(value)
        case .uint64Param(let value)? where value <= Int.max: return Int(value)
        case _?:
            throw ServingError(
                .invalidArgument,
                "invalid value for '\(key)' parameter for \(tensor), expected an int64_param that is not negative.")
        }
    }
}
