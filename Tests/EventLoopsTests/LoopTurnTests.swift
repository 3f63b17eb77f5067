import Synchronization
import Testing

@testable import EventLoops

/// Numbers in the order in which they were told.
private final class Recorder: Sendable {
    private let kept = Mutex<[Int]>([])

    var numbers: [Int] { kept.withLock { $0 } }

    func add(_ number: Int) { kept.withLock { $0.append(number) } }
}

@Suite("How much one turn of a loop does")
struct LoopTurnTests {
    private static let count = 2 * EventLoop.jobsPerTurnMax + 88

    @Test("submitted work is done so many pieces a turn, in order, and the rest without being woken again")
    func work() throws {
        let loop = try EventLoop(name: "test")
        let seen = Recorder()
        for number in 0..<Self.count { loop.submit { seen.add(number) } }
        for turn in 1...3 {
            #expect(loop.runTurn())
            #expect(seen.numbers.count == min(Self.count, turn * EventLoop.jobsPerTurnMax))
        }
        #expect(seen.numbers == Array(0..<Self.count))
        #expect(!loop.runTurn())
    }

    @Test("jobs run so many a turn, in order, those that come meanwhile behind them")
    func jobs() throws {
        let loop = try EventLoop(name: "test")
        let seen = Recorder()
        for number in 0..<Self.count { Task(executorPreference: loop) { seen.add(number) } }
        for turn in 1...3 {
            loop.runTurn()
            #expect(seen.numbers.count == min(Self.count + 1, turn * EventLoop.jobsPerTurnMax))
            if turn == 1 { Task(executorPreference: loop) { seen.add(Self.count) } }
        }
        #expect(seen.numbers == Array(0...Self.count))
    }

    @Test("work that is submitted while older work waits comes behind it")
    func later() throws {
        let loop = try EventLoop(name: "test")
        let seen = Recorder()
        for number in 0..<Self.count { loop.submit { seen.add(number) } }
        loop.runTurn()
        loop.submit { seen.add(Self.count) }
        var turnCount = 0
        while loop.runTurn(), turnCount < 10 { turnCount += 1 }
        #expect(seen.numbers == Array(0...Self.count))
    }
}
