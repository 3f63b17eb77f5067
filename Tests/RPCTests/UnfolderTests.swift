import Compression
import EventLoops
import TestSupport
import Testing
import Vocabulary

@testable import RPC

@Suite("Unfolding the messages of a loop, so much in a turn")
struct UnfolderTests {
    private final class Owner {}

    private let loop: EventLoop
    private let unfolder: Unfolder
    private let owner = Owner()

    init() throws {
        loop = try EventLoop(name: "unfolder", clock: ManualClock())
        unfolder = Unfolder(loop: loop, codec: Codec())
    }

    private static func zeros(_ byteCount: Int) throws -> Bytes {
        try #require(Codec().compress(Bytes([UInt8](repeating: 0, count: byteCount)), .gzip))
    }

    private func start(
        _ message: Bytes, byteCountMax: Int = 64 << 20, of owner: AnyObject? = nil,
        count: @escaping (Int) throws(ServingError) -> Void = { _ throws(ServingError) in }
    ) -> Unfolding {
        let unfolding = Unfolding(
            message, .gzip, byteCountMax: byteCountMax, of: owner ?? self.owner, count: count)
        loop.becomeCurrent { unfolder.start(unfolding) }
        return unfolding
    }

    /// The turns it takes until `unfolding` is done.
    private func turns(until unfolding: Unfolding) -> Int {
        var count = 0
        while unfolding.result == nil, count < 10_000 {
            loop.runTurn()
            count += 1
        }
        return count
    }

    @Test("a short message is there at once, as long as the turn has time for it")
    func short() throws {
        let message = try Self.zeros(100 << 10)
        #expect(try start(message).result?.get().count == 100 << 10)
        #expect(try start(message).result?.get().count == 100 << 10)
        let third = start(message)
        #expect(third.result == nil && unfolder.count == 1)
        loop.runTurn()
        #expect(try third.result?.get().count == 100 << 10)
        #expect(unfolder.count == 0 && !loop.runTurn())
    }

    @Test("a long message takes a slice of each turn, counted as it appears")
    func long() throws {
        let message = try Self.zeros(8 << 20)
        var counted: [Int] = []
        let unfolding = start(message) { count throws(ServingError) in counted.append(count) }
        let turnCount = turns(until: unfolding)
        #expect(try unfolding.result?.get().count == 8 << 20)
        #expect(counted.reduce(0, +) == 8 << 20)
        // What is read counts too, and the first slice comes before the first turn.
        let slice = Unfolder.byteCountPerTurnMax
        #expect(turnCount >= (8 << 20) / slice - 1 && turnCount <= (8 << 20) / slice + 1)
        #expect(counted.allSatisfy { $0 <= 2 * slice })
    }

    @Test("a long stream that holds next to nothing takes turns as well")
    func emptyBlocks() throws {
        // Blocks without content (RFC 1951 §3.2.4): a megabyte that unfolds to a few bytes.
        let stream = try #require(Codec().compress(Bytes([UInt8](repeating: 7, count: 100)), .gzip)).array
        let body = stream[..<10] + (0..<200_000).flatMap { _ in [0, 0, 0, 0xff, 0xff] as [UInt8] } + stream[10...]
        let unfolding = start(Bytes(Array(body)))
        #expect(turns(until: unfolding) >= 3)
        #expect(try unfolding.result?.get().count == 100)
    }

    @Test("connections take turns, and the messages of one follow each other")
    func fairness() throws {
        let other = Owner()
        var ends: [String] = []
        let first = start(try Self.zeros(4 << 20))
        let second = start(try Self.zeros(300 << 10))
        let others = start(try Self.zeros(1 << 20), of: other)
        let unfoldings = [("first", first), ("second", second), ("other's", others)]
        while ends.count < 3, loop.runTurn() {
            ends += unfoldings.filter { $0.1.result != nil && !ends.contains($0.0) }.map(\.0)
        }
        #expect(ends == ["other's", "first", "second"])
    }

    @Test("of many connections only some are under way at a time, and all come to their end")
    func manyConnections() throws {
        let owners = (0..<40).map { _ in Owner() }
        let message = try Self.zeros(600 << 10)
        let unfoldings = owners.map { start(message, of: $0) }
        while unfolder.count > 0 {
            #expect(unfoldings.filter { $0.decompression != nil }.count <= Unfolder.ownerCountMax)
            loop.runTurn()
        }
        for unfolding in unfoldings { #expect(try unfolding.result?.get().count == 600 << 10) }
    }

    /// When a message is given up.
    enum Moment: CaseIterable {
        case waiting, underWay, done
    }

    @Test("a message that is given up frees what it holds, and the others go on", arguments: Moment.allCases)
    func cancel(_ moment: Moment) throws {
        let blocker = start(try Self.zeros(2 << 20))
        let unfolding = start(try Self.zeros(2 << 20), of: moment == .waiting ? owner : Owner())
        switch moment {
        case .waiting: #expect(unfolding.decompression == nil)
        case .underWay:
            loop.runTurn()
            loop.runTurn()
            #expect(unfolding.decompression != nil)
        case .done: _ = turns(until: unfolding)
        }
        weak let decompression = unfolding.decompression
        loop.becomeCurrent { unfolder.cancel(unfolding) }
        #expect(decompression == nil && unfolding.decompression == nil && unfolding.ticket == nil)
        #expect(unfolder.count == (blocker.result == nil ? 1 : 0))
        switch unfolding.result {
        case .success: #expect(moment == .done)
        case .failure(let error): #expect(moment != .done && error.code == .cancelled)
        case nil: Issue.record("no result")
        }
        loop.becomeCurrent { unfolder.cancel(unfolding) }
        _ = turns(until: blocker)
        #expect(try blocker.result?.get().count == 2 << 20)
    }

    @Test("a message that whoever counts refuses stops there")
    func refused() throws {
        var total = 0
        let unfolding = start(try Self.zeros(8 << 20)) { count throws(ServingError) in
            total += count
            if total > 1 << 20 { throw ServingError(.resourceExhausted, "too much") }
        }
        let turnCount = turns(until: unfolding)
        #expect(turnCount <= 5 && total <= 1 << 20 + 2 * Unfolder.byteCountPerTurnMax)
        let error = #expect(throws: ServingError.self) { try unfolding.result?.get() }
        #expect(error?.message == "too much" && unfolder.count == 0)
    }

    @Test("B55 B56: what is too long or malformed says so, in whatever turn it shows", arguments: [0, 1 << 20])
    func errors(zeroByteCount: Int) throws {
        let message = try Self.zeros(zeroByteCount + 100).array
        let cut = start(Bytes(Array(message.dropLast())))
        _ = turns(until: cut)
        #expect(throws: ServingError.self) { try cut.result?.get() }
        let long = start(Bytes(message), byteCountMax: zeroByteCount + 99)
        _ = turns(until: long)
        let error = #expect(throws: ServingError.self) { try long.result?.get() }
        #expect(error?.code == .resourceExhausted)
        let exact = start(Bytes(message), byteCountMax: zeroByteCount + 100)
        _ = turns(until: exact)
        #expect(try exact.result?.get().count == zeroByteCount + 100)
    }
}
