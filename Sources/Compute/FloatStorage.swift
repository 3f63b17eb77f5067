import CLinux
import Glibc

/// A block of float32 memory, freed with its last reference.
///
/// Blocks of 2 MiB and more are aligned to 2 MiB and ask for huge pages before the first touch, which spares the
/// address translation most of its misses when weights are streamed; smaller ones are aligned to 64 bytes.
package final class FloatStorage: @unchecked Sendable {
    // @unchecked: whoever owns the block writes it before sharing it; from then on it is only read.
    package let base: UnsafeMutablePointer<Float>
    package let count: Int
    /// The mapping that a large block lies in; nil for a small block, which is from the heap.
    private let mapping: UnsafeMutableRawBufferPointer?

    private static let hugePageByteCount = 2 << 20
    /// MADV_HUGEPAGE, which Glibc does not hand to Swift; only advice, so a refusal changes nothing.
    private static let adviseHugePages: Int32 = 14

    /// What is cleared between two places where a loader may pause.
    private static let clearedByteCount = 64 << 10

    /// Allocates `count` zeros, and touches them, so that the memory is there from now on.
    ///
    /// - Throws: `ComputeError.outOfMemory` when the system refuses.
    package init(zeros count: Int) throws(ComputeError) {
        precondition(count >= 0, "count \(count)")
        let (byteCount, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
        guard !overflow, byteCount <= Int.max - Self.hugePageByteCount else { throw .outOfMemory(byteCount: .max) }
        let memory: UnsafeMutableRawPointer
        if byteCount >= Self.hugePageByteCount {
            let mapping = try Self.map(byteCount: byteCount)
            self.mapping = mapping
            memory = mapping.baseAddress!.alignedUp(toMultipleOf: Self.hugePageByteCount)
            Self.clear(memory, byteCount)
        } else {
            mapping = nil
            memory = .allocate(byteCount: byteCount, alignment: 64)
            memset(memory, 0, byteCount)
        }
        self.base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
        self.count = count
    }

    /// Writes zeros over fresh pages.
    ///
    /// A huge page is cleared in one go, which on a virtual machine takes milliseconds that a call on the same
    /// processor waits for. Who loads while others are served takes small pages, which the kernel puts together when
    /// it has time.
    private static func clear(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
        guard apus_pauses() else {
            _ = madvise(memory, byteCount, adviseHugePages)
            memset(memory, 0, byteCount)
            return
        }
        for begin in stride(from: 0, to: byteCount, by: clearedByteCount) {
            apus_pause_if_due()
            memset(memory + begin, 0, min(clearedByteCount, byteCount - begin))
        }
        _ = madvise(memory, byteCount, adviseHugePages)
    }

    deinit {
        if let mapping {
            MemoryReclaimer.shared.free(mapping)
        } else {
            UnsafeMutableRawPointer(base).deallocate()
        }
    }

    /// Fresh pages for that many bytes, and room to align them.
    private static func map(byteCount: Int) throws(ComputeError) -> UnsafeMutableRawBufferPointer {
        let size = byteCount + hugePageByteCount
        guard let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            start != MAP_FAILED
        else { throw .outOfMemory(byteCount: byteCount) }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }
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
