import CNghttp2
import Glibc
import Synchronization

/// What a session of nghttp2 allocates from.
///
/// Why not malloc alone: nghttp2 takes a buffer of 16 KiB for frames and a table of 4 KiB for each session, and touches
/// next to nothing of them while no call is made. From malloc they come out of memory that others have used and given
/// back, which is most of what an idle connection costs. Here each begins on a page of its own that nobody has touched,
/// so that the system provides only what is used.
///
/// - Isolation: any thread.
enum LibraryMemory {
    /// Functions for one session, which copies them; `state` learns where its frame buffer is.
    static func functions(_ state: UnsafeMutablePointer<SessionState>) -> nghttp2_mem {
        nghttp2_mem(
            mem_user_data: state,
            malloc: { byteCount, state in
                state!.assumingMemoryBound(to: SessionState.self).pointee.freeBlocks.take(byteCount)
                    ?? LibraryMemory.allocate(byteCount)
            },
            free: { memory, state in
                guard let memory, !PagePool.mayHold(UInt(bitPattern: memory)) else {
                    return LibraryMemory.free(memory, state)
                }
                if !state!.assumingMemoryBound(to: SessionState.self).pointee.freeBlocks.give(back: memory) {
                    LibraryMemory.free(memory, state)
                }
            },
            calloc: { count, byteCount, _ in LibraryMemory.allocateZeroed(count, byteCount) },
            realloc: { memory, byteCount, state in LibraryMemory.reallocate(memory, byteCount, state) })
    }

    /// Takes the pages of a session's frame buffer out of memory.
    ///
    /// - Precondition: the session has no frame left to send. nghttp2 writes a frame into the buffer, hands it out, and
    ///   begins anew at its start; it reads nothing there that it has not written for the same frame.
    static func emptyFrameBuffer(_ address: UInt) {
        _ = madvise(UnsafeMutableRawPointer(bitPattern: address), PagePool.runByteCount, MADV_DONTNEED)
    }

    private static let pages = Mutex(PagePool())
    /// The payload of the largest frame that nghttp2 serialises into one buffer.
    private static let frameByteCount = 16 << 10

    /// Whether `byteCount` is one of the two sizes that pages serve.
    private static func isPaged(_ byteCount: Int) -> Bool {
        byteCount >= PagePool.pageByteCount && byteCount <= PagePool.runByteCount
    }

    private static func takeRun() -> UnsafeMutableRawPointer? {
        pages.withLock { $0.take() }.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
    }

    private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        if isPaged(byteCount), let run = takeRun() { return run }
        return malloc(byteCount)
    }

    private static func allocateZeroed(_ count: Int, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        let (total, overflow) = count.multipliedReportingOverflow(by: byteCount)
        // Pages come zeroed.
        if !overflow, isPaged(total), let run = takeRun() { return run }
        return calloc(count, byteCount)
    }

    private static func free(_ memory: UnsafeMutableRawPointer?, _ state: UnsafeMutableRawPointer?) {
        guard let memory else { return }
        let address = UInt(bitPattern: memory)
        let state = state!.assumingMemoryBound(to: SessionState.self)
        if state.pointee.frameBuffer == address { state.pointee.frameBuffer = nil }
        let isRun = PagePool.mayHold(address) && pages.withLock { $0.give(back: address) }
        if !isRun { Glibc.free(memory) }
    }

    /// Also how nghttp2 takes its frame buffers, the one that stays first.
    private static func reallocate(
        _ memory: UnsafeMutableRawPointer?, _ byteCount: Int, _ state: UnsafeMutableRawPointer?
    ) -> UnsafeMutableRawPointer? {
        guard let memory else {
            guard byteCount > frameByteCount, isPaged(byteCount), let run = takeRun() else { return malloc(byteCount) }
            let state = state!.assumingMemoryBound(to: SessionState.self)
            if state.pointee.frameBuffer == nil { state.pointee.frameBuffer = UInt(bitPattern: run) }
            return run
        }
        let address = UInt(bitPattern: memory)
        guard PagePool.mayHold(address), pages.withLock({ $0.holds(address) }) else {
            return realloc(memory, byteCount)
        }
        guard byteCount > PagePool.runByteCount else { return memory }
        guard let grown = malloc(byteCount) else { return nil }
        grown.copyMemory(from: memory, byteCount: PagePool.runByteCount)
        free(memory, state)
        return grown
    }
}

/// Runs of pages that nobody has touched, cut from large mappings; all are known by their addresses.
struct PagePool {
    static let pageByteCount = 4096
    /// A buffer for a frame of 16 KiB with its header.
    static let runByteCount = 5 * pageByteCount
    private static let regionByteCount = 512 * runByteCount

    private var regions: [UInt] = []
    private var freeRuns: [UInt] = []
    /// Runs of the newest region that were never taken.
    private var unusedRunCount = 0
    /// Runs that are taken.
    private(set) var takenCount = 0

    /// False for nearly everything that is not a run, without a look at the pool.
    static func mayHold(_ address: UInt) -> Bool { address % UInt(pageByteCount) == 0 }

    /// A run of zeros; nil when the system has no more memory.
    mutating func take() -> UInt? {
        if let run = freeRuns.popLast() {
            takenCount += 1
            return run
        }
        if unusedRunCount == 0, !addRegion() { return nil }
        takenCount += 1
        unusedRunCount -= 1
        return regions[regions.count - 1] + UInt(unusedRunCount * Self.runByteCount)
    }

    /// Takes a run back, and its pages out of memory; false when it is none of the pool's.
    mutating func give(back run: UInt) -> Bool {
        guard holds(run) else { return false }
        takenCount -= 1
        // Should the system refuse, which it never does for such a mapping, the run is not used again: it is not zeros.
        if madvise(UnsafeMutableRawPointer(bitPattern: run), Self.runByteCount, MADV_DONTNEED) == 0 {
            freeRuns.append(run)
        }
        return true
    }

    func holds(_ address: UInt) -> Bool {
        regions.contains { address >= $0 && address < $0 + UInt(Self.regionByteCount) }
    }

    private mutating func addRegion() -> Bool {
        let protection = PROT_READ | PROT_WRITE
        guard let region = mmap(nil, Self.regionByteCount, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            region != MAP_FAILED
        else { return false }
        // A huge page is touched as a whole.
        _ = madvise(region, Self.regionByteCount, MADV_NOHUGEPAGE)
        regions.append(UInt(bitPattern: region))
        unusedRunCount = Self.regionByteCount / Self.runByteCount
        return true
    }
}
