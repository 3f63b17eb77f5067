import Glibc

/// A block of float32 memory, freed with its last reference.
///
/// Blocks of 2 MiB and more are aligned to 2 MiB and ask for huge pages before the first touch, which spares the
/// address translation most of its misses when weights are streamed; smaller ones are aligned to 64 bytes.
package final class FloatStorage: @unchecked Sendable {
    // @unchecked: whoever owns the block writes it before sharing it; from then on it is only read.
    package let base: UnsafeMutablePointer<Float>
    package let count: Int

    private static let hugePageByteCount = 2 << 20
    /// MADV_HUGEPAGE, which Glibc does not hand to Swift; only advice, so a refusal changes nothing.
    private static let adviseHugePages: Int32 = 14

    /// Allocates `count` zeros.
    ///
    /// - Throws: `ComputeError.outOfMemory` when the system refuses.
    package init(zeros count: Int) throws(ComputeError) {
        precondition(count >= 0, "count \(count)")
        let (byteCount, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
        guard !overflow else { throw .outOfMemory(byteCount: .max) }
        let isHuge = byteCount >= Self.hugePageByteCount
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, isHuge ? Self.hugePageByteCount : 64, byteCount) == 0, let memory else {
            throw .outOfMemory(byteCount: byteCount)
        }
        if isHuge { _ = madvise(memory, byteCount, Self.adviseHugePages) }
        memset(memory, 0, byteCount)
        self.base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
        self.count = count
    }

    deinit { free(base) }
}

/// Why an object of `Compute` could not be made.
package enum ComputeError: Error, Equatable, CustomStringConvertible {
    /// `Int.max` stands for more than can be counted.
    case outOfMemory(byteCount: Int)

    package var description: String {
        switch self {
        case .outOfMemory(let byteCount): "the system refused \(byteCount) bytes of memory"
        }
    }
}
