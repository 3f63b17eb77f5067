import CLinux
import Glibc

/// The thread of a started loop.
struct LoopThread: Sendable {
    private let handle: pthread_t

    /// Runs `loop` on a new thread, which keeps it alive until it ends.
    static func start(_ loop: EventLoop) throws(EventLoopError) -> LoopThread {
        // pthread_create writes the handle while the new thread may already run: the thread never reads it.
        var handle = pthread_t()
        let retained = Unmanaged.passRetained(loop)
        let result = pthread_create(
            &handle, nil,
            { context in
                let loop = Unmanaged<EventLoop>.fromOpaque(context!).takeRetainedValue()
                apus_name_thread(loop.name)
                loop.run()
                return nil
            }, retained.toOpaque())
        guard result == 0 else {
            retained.release()
            throw .systemCall("pthread_create", code: result)
        }
        return LoopThread(handle: handle)
    }

    /// Waits for the thread's end; at most once.
    func join() {
        let result = pthread_join(handle, nil)
        precondition(result == 0, "pthread_join: errno \(result)")
    }
}

/// Closes a descriptor of ours.
///
/// See close(2): the descriptor is gone whatever the result.
func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }
