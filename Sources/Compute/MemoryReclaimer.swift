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
        while let block = next() { munmap(block.memory.baseAddress, block.memory.count) }
    }

    private func next() -> Block? {
        state.withLock { state in
            let block = state.blocks.popLast()
            state.isRunning = block != nil
            return block
        }
    }
}
