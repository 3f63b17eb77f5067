import Testing

@testable import RPCTransport

@Suite("The pace of reading")
struct ReadPaceTests {
    @Test("cheap bytes are read by the largest pieces, for as long as the turn has time")
    func cheapBytes() {
        var pace = ReadPace()
        pace.beginTurn()
        for _ in 0..<20 {
            #expect(pace.readByteCount == ReadPace.readByteCountMax)
            let goesOn = pace.didRead(byteCount: ReadPace.readByteCountMax, nanoseconds: 40_000)
            #expect(goesOn)
        }
    }

    @Test("a read that took longer than a turn may ends it, and the next one is smaller by as much")
    func expensiveBytes() {
        var pace = ReadPace()
        pace.beginTurn()
        let goesOn = pace.didRead(byteCount: 64 << 10, nanoseconds: 8 * ReadPace.turnNanosecondsMax)
        #expect(!goesOn)
        #expect(pace.readByteCount == 8 << 10)
        pace.beginTurn()
        let goesOnAgain = pace.didRead(byteCount: 8 << 10, nanoseconds: 100 * ReadPace.turnNanosecondsMax)
        #expect(!goesOnAgain)
        #expect(pace.readByteCount == ReadPace.readByteCountMin)
    }

    @Test("when the bytes become cheap again, reads double up to the largest")
    func recovery() {
        var pace = ReadPace()
        _ = pace.didRead(byteCount: 64 << 10, nanoseconds: 1000 * ReadPace.turnNanosecondsMax)
        var sizes: [Int] = []
        while pace.readByteCount < ReadPace.readByteCountMax {
            pace.beginTurn()
            let goesOn = pace.didRead(byteCount: pace.readByteCount, nanoseconds: 1)
            #expect(goesOn)
            sizes.append(pace.readByteCount >> 10)
        }
        #expect(sizes == [4, 8, 16, 32, 64])
    }

    @Test("reads that are cheap one by one end the turn together")
    func sum() {
        var pace = ReadPace()
        pace.beginTurn()
        var count = 1
        while pace.didRead(byteCount: 64 << 10, nanoseconds: ReadPace.turnNanosecondsMax / 4) { count += 1 }
        #expect(count == 4 && pace.readByteCount == 64 << 10)
    }

    @Test("no number overflows", arguments: [(0, 0), (1, UInt64.max / 2), (64 << 10, 0), (0, 1)])
    func extremes(byteCount: Int, nanoseconds: UInt64) {
        var pace = ReadPace()
        pace.beginTurn()
        _ = pace.didRead(byteCount: byteCount, nanoseconds: nanoseconds)
        #expect((ReadPace.readByteCountMin...ReadPace.readByteCountMax).contains(pace.readByteCount))
    }
}
