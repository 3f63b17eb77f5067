import CLinux
import Glibc
import Synchronization

/// Starts a thread of our own that runs `body` once and ends.
///
/// Not one of Swift's cooperative threads: those must never compute or wait for long.
///
/// - Parameters:
///   - name: at most 15 bytes, for `top -H` and debuggers.
///   - body: runs on the new thread; what it captures is released there.
/// - Source: pthread_create(3), pthread_setname_np(3).
func startThread(name: String, _ body: @escaping @Sendable () -> Void) {
    pthread_detach(makeThread(name: name, body))
}

/// Runs work on a thread of its own that has its pace.
///
/// Why two threads: the caller goes on by way of one that has no pace, since to resume a task may start one of Swift's
/// cooperative threads, which has what the thread has that starts it, for ever.
///
/// - Parameters:
///   - name: at most 15 bytes, for `top -H` and debuggers.
///   - pace: of the thread.
///   - service: while it is noted, a thread whose pace is not usual pauses.
///   - work: runs on the thread.
/// - Returns: what the work returns.
func onThread<Outcome: Sendable>(
    name: String, pace: ThreadPace, while service: ServiceNote, _ work: @escaping @Sendable () -> Outcome
) async -> Outcome {
    await withCheckedContinuation { continuation in
        startThread(name: name) {
            let outcome = Mutex<Outcome?>(nil)
            let paced = makeThread(name: name) {
                pace.begin(while: service)
                let found = work()
                apus_end_pauses()
                outcome.withLock { $0 = found }
            }
            pthread_join(paced, nil)
            continuation.resume(returning: outcome.withLock { $0! })
        }
    }
}

private func makeThread(name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t {
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { argument in
            let start = Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue()
            apus_name_thread(start.name)
            start.body()
            return nil
        }, start.toOpaque())
    precondition(result == 0, "pthread_create: error \(result)")
    return thread
}

/// When an engine has last served anybody.
///
/// - Isolation: any thread.
final class ServiceNote: @unchecked Sendable {
    // @unchecked: the pointer never changes, and what it points to is atomic.
    fileprivate let service: OpaquePointer

    init() {
        guard let service = apus_service_create() else { preconditionFailure("no memory for a time") }
        self.service = service
    }

    deinit { apus_service_destroy(service) }

    /// Somebody is being served.
    func note() { apus_service_note(service) }
}

/// How much of the processors a thread has when others want them too.
///
/// Those that are not usual pause again and again while somebody is being served. Why, when the kernel lets others go
/// first: two processors share memory, and often a core, so that who works on one slows the other down, and what it
/// reads drives what the other needs out of the cache.
enum ThreadPace: Sendable {
    /// As much as any other.
    case usual
    /// Less than others, and half of the time.
    case hurrying
    /// Less than others, and a tenth of the time.
    case steppingBack
    /// What others leave, which may be next to nothing, and a tenth of the time.
    case givingWay

    /// The calling thread has this pace from now on.
    fileprivate func begin(while service: ServiceNote) {
        switch self {
        case .usual:
            break
        case .hurrying:
            apus_step_back()
            apus_begin_pauses(service.service, 250_000, 250_000)
        case .steppingBack:
            apus_step_back()
            apus_begin_pauses(service.service, 50_000, 450_000)
        case .givingWay:
            apus_give_way()
            apus_begin_pauses(service.service, 50_000, 450_000)
        }
    }
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}
