import CLinux
import Glibc
import Synchronization

/// Gives large blocks back to the system, on a thread of its own.
///
/// Why: the last reference to a model's weights goes wherever it goes, on the engine thread as a rule, and to unmap a
/// gigabyte takes a tenth of a second in which that thread answers nobody.
///
/// - Isolation: any thread.
final class MemoryReclaimer: Sendable {
    static let shared = MemoryReclaimer()

    private struct Block: @unchecked Sendable {
        // @unchecked: nobody else has it any more.
        let memory: UnsafeMutableRawBufferPointer
    }

    private struct State {
        var blocks: [Block] = []
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Unmaps a whole mapping, soon.
    func free(_ mapping: UnsafeMutableRawBufferPointer) {
        let starts = state.withLock { state in
            state.blocks.append(Block(memory: mapping))
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard starts else { return }
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { _ in
                apus_name_thread("apus-reclaimer")
                MemoryReclaimer.shared.run()
                return nil
            }, nil)
        if result == 0 { pthread_detach(thread) } else { run() }
    }

    private func run() {
        while let block = next() { Self.unmap(block.memory) }
    }

    /// Whole huge pages, of which a processor frees so many in about as long as a short call takes.
    private static let pieceByteCount = 8 << 20

    /// Unmaps piece by piece, and lets others have the processor between.
    ///
    /// Why: the kernel goes through with what it has begun, whoever waits for that processor.
    private static func unmap(_ memory: UnsafeMutableRawBufferPointer) {
        guard var start = memory.baseAddress else { return }
        let end = start + memory.count
        while start < end {
            // Pieces end where pages of any size do, so that none is cut.
            let next = min(end, start.alignedUp(toMultipleOf: pieceByteCount) + pieceByteCount)
            munmap(start, next - start)
            start = next
            guard start < end else { return }
            var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
            nanosleep(&pause, nil)
        }
    }

    private func next() -> Block? {
        state.withLock { state in
            let block = state.blocks.popLast()
            state.isRunning = block != nil
            return block
        }
    }
}
