import Synchronization

/// The most memory that was allocated at once while an input ran, counted by AddressSanitizer's hooks.
///
/// - Isolation: any thread; an input's peak is that of the whole process.
enum PeakMemory {
    private static let byteCount = Atomic(0)
    private static let peakByteCount = Atomic(0)

    /// Counts from now on.
    static func install() {
        // The counters exist before a hook needs them: a hook must not allocate.
        byteCount.store(0, ordering: .relaxed)
        peakByteCount.store(0, ordering: .relaxed)
        let isInstalled = installHooks(
            { _, byteCount in PeakMemory.add(byteCount) },
            { memory in
                // Also called for null.
                if let memory { PeakMemory.subtract(allocatedByteCount(memory)) }
            })
        precondition(isInstalled != 0, "AddressSanitizer has no room for hooks")
    }

    /// Runs `body` and says by how many bytes memory grew meanwhile, at the most.
    static func measure(_ body: () throws -> Void) rethrows -> Int {
        let before = byteCount.load(ordering: .relaxed)
        peakByteCount.store(before, ordering: .relaxed)
        try body()
        return peakByteCount.load(ordering: .relaxed) - before
    }

    private static func add(_ count: Int) {
        let now = byteCount.add(count, ordering: .relaxed).newValue
        _ = peakByteCount.max(now, ordering: .relaxed)
    }

    private static func subtract(_ count: Int) { _ = byteCount.subtract(count, ordering: .relaxed) }
}

/// - Source: sanitizer/allocator_interface.h; returns 0 when there are too many hooks already.
@_silgen_name("__sanitizer_install_malloc_and_free_hooks")
private func installHooks(
    _ malloc: @convention(c) (UnsafeRawPointer?, Int) -> Void, _ free: @convention(c) (UnsafeRawPointer?) -> Void
) -> CInt

@_silgen_name("__sanitizer_get_allocated_size")
private func allocatedByteCount(_ memory: UnsafeRawPointer) -> Int
