import CLinux
import EventLoops
import Glibc
import Synchronization
import TestSupport
import Testing
import Vocabulary

/// Counts what it is told.
private final class Listener: ReadinessHandler, EndOfTurnHandler {
    var readiness: [Readiness] = []
    var turnCount = 0
    var whenReady: () -> Void = {}

    func descriptorIsReady(_ readiness: Readiness) {
        self.readiness.append(readiness)
        whenReady()
    }

    func turnDidEnd() { turnCount += 1 }
}

@Suite("Event loops", .timeLimit(.minutes(10)))
struct EventLoopTests {
    @Test("work from other threads runs on the loop, all of it, in order")
    func submission() async throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        let seen = Mutex<[Int]>([])
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            for number in 0..<10_000 {
                loop.submit {
                    loop.preconditionOnLoop()
                    seen.withLock { $0.append(number) }
                    if number == 9_999 { continuation.resume() }
                }
            }
        }
        #expect(seen.withLock { $0 } == Array(0..<10_000))
        loop.stop()
        loop.join()
        #expect(!loop.submit {})
    }

    @Test("work that a job on the loop submits runs soon, though nothing else wakes the loop")
    func submissionFromTheLoop() async throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            // A job, not a piece of work: jobs run after the inbox was emptied.
            Task(executorPreference: loop) { _ = loop.submit { continuation.resume() } }
        }
        loop.stop()
        loop.join()
    }

    @Test("a loop that has stopped lets go of what its timers hold, and so of itself")
    func stoppedTimers() async throws {
        weak var stopped: EventLoop?
        do {
            let loop = try EventLoop(name: "test")
            stopped = loop
            try loop.start()
            await loop.run { _ = loop.schedule(afterNanoseconds: .max) { loop.stop() } }
            loop.stop()
            loop.join()
        }
        #expect(stopped == nil)
    }

    @Test("an immediate task starts inside the caller, and comes back to the loop after a wait")
    func immediateTask() async throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        let elsewhere = Task.detached { 41 }
        let answer = await withCheckedContinuation { (continuation: CheckedContinuation<(Bool, Bool, Int), Never>) in
            loop.submit {
                let hasStarted = Mutex(false)
                Task.immediate(executorPreference: loop) {
                    hasStarted.withLock { $0 = true }
                    let startedHere = loop.isCurrent
                    let number = await elsewhere.value
                    continuation.resume(returning: (startedHere, loop.isCurrent, number))
                }
                precondition(hasStarted.withLock { $0 }, "the task did not start at once")
            }
        }
        #expect(answer == (true, true, 41))
        loop.stop()
        loop.join()
    }

    @Test("run goes to the loop from anywhere, and its cancellation arrives")
    func run() async throws {
        let loop = try EventLoop(name: "test")
        try loop.start()
        #expect(await loop.run { loop.isCurrent })
        #expect(!loop.isCurrent)
        let task = Task {
            await loop.run {
                while !Task.isCancelled { await Task.yield() }
                return loop.isCurrent
            }
        }
        task.cancel()
        #expect(await task.value)
        loop.stop()
        loop.join()
    }

    @Test("timers fire when their time has come, not before, and not when cancelled")
    func timers() throws {
        let clock = ManualClock()
        let loop = try EventLoop(name: "test", clock: clock)
        var fired: [Int] = []
        loop.becomeCurrent {
            loop.schedule(afterNanoseconds: 100) { fired.append(1) }
            let cancelled = loop.schedule(afterNanoseconds: 100) { fired.append(2) }
            loop.schedule(afterNanoseconds: 200) { fired.append(3) }
            loop.cancel(cancelled)
        }
        loop.runTurn()
        #expect(fired.isEmpty)
        clock.advance(byNanoseconds: 100)
        loop.runTurn()
        #expect(fired == [1])
        clock.advance(byNanoseconds: 100)
        loop.runTurn()
        #expect(fired == [1, 3])
    }

    @Test("a descriptor is reported while it is ready, and no more once it is unwatched")
    func readiness() throws {
        let loop = try EventLoop(name: "test")
        let descriptor = apus_eventfd_create()
        defer { close(descriptor) }
        let listener = Listener()
        let watch = try loop.becomeCurrent { try loop.watch(descriptor, for: .readable, handler: listener) }
        loop.runTurn()
        #expect(listener.readiness.isEmpty)
        apus_eventfd_signal(descriptor)
        loop.runTurn()
        loop.runTurn()
        #expect(listener.readiness == [.readable, .readable])
        loop.becomeCurrent { loop.change(watch, to: [.readable, .writable]) }
        loop.runTurn()
        #expect(listener.readiness.last == [.readable, .writable])
        loop.becomeCurrent { loop.unwatch(watch) }
        loop.runTurn()
        #expect(listener.readiness.count == 3)
    }

    @Test("a report about a descriptor unwatched in the same turn is dropped")
    func staleReport() throws {
        let loop = try EventLoop(name: "test")
        let descriptors = [apus_eventfd_create(), apus_eventfd_create()]
        defer { for descriptor in descriptors { close(descriptor) } }
        let listeners = [Listener(), Listener()]
        let watches = try loop.becomeCurrent {
            try zip(descriptors, listeners).map { try loop.watch($0, for: .readable, handler: $1) }
        }
        for index in 0..<2 {
            listeners[index].whenReady = { loop.unwatch(watches[1 - index]) }
            apus_eventfd_signal(descriptors[index])
        }
        loop.runTurn()
        #expect(listeners[0].readiness.count + listeners[1].readiness.count == 1)
        // The loop keeps a listener that is still watched, which keeps the loop.
        for listener in listeners { listener.whenReady = {} }
    }

    @Test("the end of a turn is told once, after the turn's work")
    func endOfTurn() throws {
        let loop = try EventLoop(name: "test")
        let listener = Listener()
        loop.becomeCurrent { loop.callAtEndOfTurn(listener) }
        loop.runTurn()
        loop.runTurn()
        #expect(listener.turnCount == 1)
    }

    @Test("state of a loop is not for other threads")
    func wrongThread() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop(name: "test")
            loop.preconditionOnLoop()
        }
    }
}
