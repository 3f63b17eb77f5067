import CLinux
import Glibc

/// Starts a thread of our own that runs `body` once and ends.
///
/// Not one of Swift's cooperative threads: those must never compute or wait for long.
///
/// - Parameters:
///   - name: at most 15 bytes, for `top -H` and debuggers.
///   - pace: how much it has of the processors, and so have the threads that it starts.
///   - body: runs on the new thread; what it captures is released there.
/// - Source: pthread_create(3), pthread_setname_np(3).
func startThread(name: String, pace: ThreadPace = .usual, _ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(ThreadStart(name: name, pace: pace, body: body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { argument in
            let start = Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue()
            apus_name_thread(start.name)
            switch start.pace {
            case .usual: break
            case .steppingBack: apus_step_back()
            case .givingWay: apus_give_way()
            }
            start.body()
            return nil
        }, start.toOpaque())
    precondition(result == 0, "pthread_create: error \(result)")
    pthread_detach(thread)
}

/// How much of the processors a thread has when others want them too.
enum ThreadPace: Sendable {
    /// As much as any other.
    case usual
    /// Less than others, but always something.
    case steppingBack
    /// What others leave, which may be next to nothing.
    case givingWay
}

private final class ThreadStart: Sendable {
    let name: String
    let pace: ThreadPace
    let body: @Sendable () -> Void

    init(name: String, pace: ThreadPace, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.pace = pace
        self.body = body
    }
}
