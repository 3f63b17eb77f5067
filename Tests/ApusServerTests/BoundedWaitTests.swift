import Testing

@testable import ApusServer

@Suite("Waiting for tasks")
struct BoundedWaitTests {
    @Test("says whether they have ended, and waits no longer than it was told to")
    func wait() async {
        let (never, hold) = AsyncStream.makeStream(of: Void.self)
        // It does not look whether it was cancelled.
        let stubborn = Task { await Task { for await _ in never {} }.value }
        #expect(await !BoundedWait.end(of: [Task {}, stubborn], withinNanoseconds: 10_000_000))
        hold.finish()
        #expect(await BoundedWait.end(of: [Task {}, stubborn], withinNanoseconds: 60_000_000_000))
        #expect(await BoundedWait.end(of: [], withinNanoseconds: 60_000_000_000))
    }
}
