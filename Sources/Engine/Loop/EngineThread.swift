import CLinux
import Glibc

/// Starts a thread of our own that runs `body` once and ends.
///
/// Not one of Swift's cooperative threads: those must never compute or wait for long.
///
/// - Parameters:
///   - name: at most 15 bytes, for `top -H` and debuggers.
///   - givesWay: whether it runs only while nobody else has anything to do, and so do the threads that it starts.
///   - body: runs on the new thread; what it captures is released there.
/// - Source: pthread_create(3), pthread_setname_np(3).
func startThread(name: String, givesWay: Bool = false, _ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(ThreadStart(name: name, givesWay: givesWay, body: body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { argument in
            let start = Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue()
            apus_name_thread(start.name)
            if start.givesWay { apus_give_way() }
            start.body()
            return nil
        }, start.toOpaque())
    precondition(result == 0, "pthread_create: error \(result)")
    pthread_detach(thread)
}

private final class ThreadStart: Sendable {
    let name: String
    let givesWay: Bool
    let body: @Sendable () -> Void

    init(name: String, givesWay: Bool, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.givesWay = givesWay
        self.body = body
    }
}
