import Models
import Testing
import Vocabulary

@testable import ApusServer

/// Goal: people see how far a large model is, a log is not flooded, and small models pass unseen.
@Suite struct LoadMeterTests {
    private let name = ModelName("m")!

    private func time(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(seconds * 1e9)) }

    private func progress(_ mebibytes: Int, of total: Int) -> LoadProgress {
        LoadProgress(doneByteCount: mebibytes << 20, totalByteCount: total << 20)
    }

    @Test("a terminal gets a bar, at most ten times a second, and its line back at the end")
    func bar() {
        var meter = LoadMeter(.bar, now: time(0))
        #expect(meter.update(name, progress(0, of: 1000), now: time(0.05)) == nil)
        let half = "m " + String(repeating: "█", count: 15) + String(repeating: "░", count: 15) + " 50 % of 1000 MiB"
        #expect(meter.update(name, progress(500, of: 1000), now: time(0.1)) == .bar(half))
        #expect(meter.update(name, progress(600, of: 1000), now: time(0.19)) == nil)
        #expect(meter.update(name, progress(600, of: 1000), now: time(0.2)) != nil)
        #expect(meter.update(name, progress(1000, of: 1000), now: time(0.21)) == .bar(""))
    }

    @Test("a log gets a line every three seconds, and none of what is done sooner")
    func lines() {
        var meter = LoadMeter(.lines, now: time(10))
        #expect(meter.update(name, progress(100, of: 300), now: time(12.9)) == nil)
        #expect(meter.update(name, progress(200, of: 300), now: time(13)) == .line(percent: 66))
        #expect(meter.update(name, progress(250, of: 300), now: time(15)) == nil)
        #expect(meter.update(name, progress(300, of: 300), now: time(20)) == nil)
    }

    @Test("small models show nothing", arguments: [LoadMeter.Display.bar, .lines])
    func small(display: LoadMeter.Display) {
        var meter = LoadMeter(display, now: time(0))
        for done in [0, 30, 63] { #expect(meter.update(name, progress(done, of: 63), now: time(100)) == nil) }
    }

    /// In a process of its own: other tests that end meanwhile would free more than this one takes.
    @Test("the memory of this process is found, and its peak is not below it")
    func memory() async {
        await #expect(processExitsWith: .success) {
            ResidentMemory.forgetPeak()
            let found = ResidentMemory.now()
            #expect(found.byteCount > 1 << 20 && found.peakByteCount >= found.byteCount)
            let block = [UInt8](repeating: 1, count: 64 << 20)
            #expect(ResidentMemory.now().peakByteCount >= found.byteCount + 48 << 20)
            #expect(block.last == 1)
        }
    }
}
