import CMemory
import Glibc

/// Short blocks of memory that a session's nghttp2 has given back and will soon want again, by their size.
///
/// Why not malloc alone: nghttp2 allocates ten blocks a call, which go back when the call has ended. malloc keeps seven
/// of each size at hand, so that with more calls than that at a time it splits and joins blocks for each.
///
/// All are malloc's, so that any of them may be reallocated or freed as such. The owner calls `deallocate`.
struct FreeBlocks {
    /// Blocks of the n-th size have `16 n + 8` bytes or up to 15 more, as malloc makes them.
    private static let sizeCount = 48
    /// Of each size.
    private static let blockCountMax = 64

    private struct Row {
        /// Each block begins with the address of the next.
        var first: UnsafeMutableRawPointer?
        var count = 0
    }

    /// By size; nil as long as nothing was given back.
    private var rows: UnsafeMutablePointer<Row>?

    /// A block of at least so many bytes; nil when none is here.
    mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let size = max(1, (byteCount + 7) / 16)
        guard let rows, size < Self.sizeCount, let block = rows[size].first else { return nil }
        rows[size].first = block.load(as: UnsafeMutableRawPointer?.self)
        rows[size].count -= 1
        return block
    }

    /// Keeps a block that malloc has made; false when it is too long, or there are enough like it.
    mutating func give(back block: UnsafeMutableRawPointer) -> Bool {
        let size = (apus_usable_byte_count(block) - 8) / 16
        guard size >= 1, size < Self.sizeCount else { return false }
        let rows = self.rows ?? makeRows()
        guard rows[size].count < Self.blockCountMax else { return false }
        block.storeBytes(of: rows[size].first, as: UnsafeMutableRawPointer?.self)
        rows[size].first = block
        rows[size].count += 1
        return true
    }

    private mutating func makeRows() -> UnsafeMutablePointer<Row> {
        let made = UnsafeMutablePointer<Row>.allocate(capacity: Self.sizeCount)
        made.initialize(repeating: Row(), count: Self.sizeCount)
        rows = made
        return made
    }

    /// Gives all memory back; what comes later is kept again.
    mutating func deallocate() {
        guard let rows else { return }
        for size in 0..<Self.sizeCount {
            while let block = rows[size].first {
                rows[size].first = block.load(as: UnsafeMutableRawPointer?.self)
                free(block)
            }
        }
        rows.deallocate()
        self.rows = nil
    }
}
