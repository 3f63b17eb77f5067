/// Memory for the intermediate results of a step, handed out front to back and taken back all at once.
///
/// The first steps find out how much is needed; after that a step allocates nothing.
///
/// - Isolation: one owner, one thread.
package final class Workspace {
    private var blocks: [FloatStorage] = []
    /// Floats handed out of the last block.
    private var usedCount = 0
    /// The size of the next first block: what the step before needed, in one piece.
    private var firstBlockCount = 0

    /// Every piece starts on a cache line.
    private static let alignmentCount = 64 / MemoryLayout<Float>.stride

    package init() {}

    /// Floats of memory held.
    package var capacity: Int { blocks.reduce(0) { $0 + $1.count } }

    /// Takes back all memory handed out; what was in it is lost.
    ///
    /// - Precondition: nobody uses a pointer from `floats(_:)` any more.
    package func reset() {
        if blocks.count > 1 {
            firstBlockCount = capacity
            blocks = []
        }
        usedCount = 0
    }

    /// Memory for `count` floats, 64-byte aligned, with undefined content, until the next `reset()`.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    package func floats(_ count: Int) throws(ComputeError) -> UnsafeMutablePointer<Float> {
        precondition(count >= 0, "count \(count)")
        let alignment = Self.alignmentCount
        let size = (count + alignment - 1) / alignment * alignment
        if blocks.last.map({ $0.count - usedCount < size }) ?? true {
            blocks.append(try FloatStorage(zeros: max(size, blocks.isEmpty ? firstBlockCount : capacity)))
            usedCount = 0
        }
        defer { usedCount += size }
        return blocks[blocks.count - 1].base + usedCount
    }
}
