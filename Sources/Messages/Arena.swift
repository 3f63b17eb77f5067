import CProtobufC

/// Memory that grows by bumping a pointer, up to a budget, and goes all at once.
///
/// protobuf-c allocates every string, array and submessage on its own, also for its own bookkeeping. Here that costs
/// a few instructions each, nothing has to be freed in the right order, and a small message that would unfold into a
/// huge one runs into the budget instead of the memory of everyone else.
///
/// ```
/// chunk: | previous | used ...... | free ...... |
///                                 ^ next        ^ end
/// ```
///
/// - Isolation: whoever decodes or encodes; afterwards only kept alive, as the owner of `Bytes`.
final class Arena {
    /// The most bytes that all chunks together may have.
    let byteBudget: Int
    /// The bytes of all chunks together.
    private(set) var reservedByteCount = 0
    /// Whether an allocation was refused for the budget.
    private(set) var isExhausted = false

    private var next: UInt = 0
    private var end: UInt = 0
    /// The newest chunk; each begins with the address of the one before.
    private var lastChunk: UnsafeMutableRawPointer?
    private var nextChunkByteCount = 2048

    /// Chunks grow up to this; anything larger than half a chunk gets one of its own.
    private static let chunkByteCountMax = 1 << 20
    /// From this size on, contents are likely those of a tensor: they get the alignment of a vector register.
    private static let alignedByteCountMin = 1024
    /// Malloc's alignment on 64-bit Linux: enough for the header and for everything protobuf-c stores.
    private static let plainAlignment: UInt = 16
    private static let tensorAlignment: UInt = 64

    init(byteBudget: Int) {
        self.byteBudget = byteBudget
    }

    deinit {
        while let chunk = lastChunk {
            lastChunk = chunk.load(as: UnsafeMutableRawPointer?.self)
            chunk.deallocate()
        }
    }

    /// What decoding a message of `byteCount` bytes may take.
    ///
    /// Eight times covers the worst of honest messages, packed integers of one byte that become eight. The constant is
    /// for small ones, where 40 bytes of bookkeeping for each field and the structs weigh more. Two bytes never become
    /// more than the largest struct and its bookkeeping, so what a small message takes is bounded without it too.
    ///
    /// What is long is so because of its tensors' bytes, which become no more than they are. Messages that unfold to
    /// `unfoldedByteCountMax` more are refused: decoding one takes its loop, half a second for 64 MiB of them.
    static func byteBudget(forMessageOf byteCount: Int) -> Int {
        byteCount + min(7 * byteCount, unfoldedByteCountMax) + 1 << 20
    }

    /// The most that a message may take beyond its own length.
    static let unfoldedByteCountMax = 32 << 20

    /// Uninitialised bytes that live as long as the arena, or nil when they would break the budget.
    func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        // Compared to the budget first: a size as large as an address must not overflow the sums below.
        guard byteCount >= 0, byteCount <= byteBudget else {
            isExhausted = true
            return nil
        }
        let alignment = byteCount >= Self.alignedByteCountMin ? Self.tensorAlignment : Self.plainAlignment
        let start = (next + alignment - 1) & ~(alignment - 1)
        if start <= end, end - start >= UInt(byteCount), let pointer = UnsafeMutableRawPointer(bitPattern: start) {
            next = start + UInt(byteCount)
            return pointer
        }
        return allocateInNewChunk(byteCount: byteCount)
    }

    private func allocateInNewChunk(byteCount: Int) -> UnsafeMutableRawPointer? {
        let header = Int(Self.tensorAlignment)
        let isOwnChunk = byteCount > nextChunkByteCount / 2
        let remaining = byteBudget - reservedByteCount
        guard byteCount <= remaining - header else {
            isExhausted = true
            return nil
        }
        let chunkByteCount = isOwnChunk ? header + byteCount : min(nextChunkByteCount, remaining)
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: chunkByteCount, alignment: header)
        chunk.storeBytes(of: lastChunk, as: UnsafeMutableRawPointer?.self)
        lastChunk = chunk
        reservedByteCount += chunkByteCount
        let pointer = chunk + header
        if !isOwnChunk {
            // The rest of the chunk before is given up: less than half of it, as larger pieces go elsewhere.
            next = UInt(bitPattern: pointer) + UInt(byteCount)
            end = UInt(bitPattern: chunk) + UInt(chunkByteCount)
            nextChunkByteCount = min(2 * nextChunkByteCount, Self.chunkByteCountMax)
        }
        return pointer
    }

    /// Lends this arena to protobuf-c for the length of `body`.
    func withAllocator<Result>(_ body: (UnsafeMutablePointer<ProtobufCAllocator>) -> Result) -> Result {
        withExtendedLifetime(self) {
            var allocator = ProtobufCAllocator(
                alloc: { arena, byteCount in
                    // Unretained: `withExtendedLifetime` around the call keeps it.
                    Unmanaged<Arena>.fromOpaque(arena!)._withUnsafeGuaranteedRef { $0.allocate(byteCount: byteCount) }
                },
                free: { _, _ in },
                allocator_data: Unmanaged.passUnretained(self).toOpaque())
            return body(&allocator)
        }
    }
}
