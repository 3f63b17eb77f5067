import Messages
import Synchronization
import Vocabulary

/// The regions of shared memory that requests may name.
///
/// - Isolation: any thread.
final class SharedMemoryRegions: Sendable {
    /// The most of them.
    static let countMax = 1024

    private let regions = Mutex<[String: SharedMemoryRegion]>([:])

    /// A part of a region that a request names for a tensor.
    struct Place: Sendable {
        let name: String
        let region: SharedMemoryRegion
        let range: Range<Int>
    }

    /// Registers a region.
    ///
    /// - Throws: ALREADY_EXISTS; INVALID_ARGUMENT when it is not there; RESOURCE_EXHAUSTED.
    func register(_ request: SystemSharedMemoryRegisterRequest) throws(ServingError) {
        guard !request.name.isEmpty else {
            throw ServingError(.invalidArgument, "expected a name for the shared memory region, got none")
        }
        let region = try SharedMemoryRegion(
            name: request.name, key: request.key, offset: request.offset, byteCount: request.byteSize)
        let refusal: ServingError? = regions.withLock { regions in
            guard regions[request.name] == nil else {
                return ServingError(
                    .alreadyExists, "shared memory region '\(request.name)' already in manager",
                    label: "shared_memory_exists")
            }
            guard regions.count < Self.countMax else {
                return ServingError(
                    .resourceExhausted, "\(Self.countMax) shared memory regions are registered, which is the most",
                    label: "shared_memory_full")
            }
            regions[request.name] = region
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Forgets a region, or all of them by the empty name; nothing when it is not there.
    func unregister(_ name: String) {
        // Closed behind the lock, with what requests still hold of it.
        let forgotten = regions.withLock { regions -> [String: SharedMemoryRegion] in
            defer { if name.isEmpty { regions = [:] } else { regions[name] = nil } }
            return name.isEmpty ? regions : [:]
        }
        _ = forgotten
    }

    /// The regions, or one of them.
    ///
    /// - Throws: NOT_FOUND.
    func status(_ name: String) throws(ServingError) -> SystemSharedMemoryStatusResponse {
        let found = regions.withLock { regions in
            name.isEmpty ? regions : regions.filter { $0.key == name }
        }
        guard name.isEmpty || !found.isEmpty else { throw Self.unknown(name) }
        return SystemSharedMemoryStatusResponse(
            regions: Dictionary(
                uniqueKeysWithValues: found.map { name, region in
                    (
                        name,
                        .init(
                            name: name, key: region.key, offset: UInt64(region.offset),
                            byteSize: UInt64(region.byteCount))
                    )
                }))
    }

    /// The place that the parameters of a tensor name; nil when they name none.
    ///
    /// - Throws: INVALID_ARGUMENT, naming the tensor by `tensor`; NOT_FOUND for a region that is not registered.
    func place(_ parameters: [String: InferParameter], tensor: String) throws(ServingError) -> Place? {
        guard let name = try SharedMemoryPlace.region(parameters, tensor: tensor) else { return nil }
        let byteCount = try SharedMemoryPlace.integer("shared_memory_byte_size", parameters, tensor: tensor)
        let offset = try SharedMemoryPlace.integer("shared_memory_offset", parameters, tensor: tensor) ?? 0
        guard let byteCount else {
            throw ServingError(.invalidArgument, "'shared_memory_byte_size' is missing for \(tensor)")
        }
        guard let region = regions.withLock({ $0[name] }) else { throw Self.unknown(name) }
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
