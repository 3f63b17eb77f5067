import EventLoops
import TestSupport

/// A bench with a loop that the test turns, and a clock that the test turns as well.
protocol TurnedBench {
    var clock: ManualClock { get }
    var loop: EventLoop { get }
}

extension TurnedBench {
    /// Turns the loop until nothing happens any more.
    func settle() {
        var quietTurnCount = 0
        while quietTurnCount < 3 { quietTurnCount = loop.runTurn() ? 0 : quietTurnCount + 1 }
    }

    func advance(seconds: Double) {
        clock.advance(byNanoseconds: UInt64(seconds * 1_000_000_000))
        settle()
    }

    /// Lets `body` speak for a peer, and the other end react.
    func speak(_ peer: RawPeer, _ body: () throws -> Void) throws {
        try loop.becomeCurrent {
            try body()
            try peer.flush()
        }
        settle()
    }
}
