import Compute
import Synchronization
import Testing

@Suite struct ComputeGangTests {
    @Test("every item is run exactly once", arguments: [1, 2, 3, 4], [0, 1, 2, 7, 64, 1000])
    func everyItemOnce(threadCount: Int, count: Int) {
        let gang = ComputeGang(threadCount: threadCount)
        var runs = [Int](repeating: 0, count: count)
        runs.withUnsafeMutableBufferPointer { runs in
            nonisolated(unsafe) let runs = runs
            gang.parallelFor(count: count) { range in
                for index in range { runs[index] += 1 }
            }
        }
        #expect(runs == [Int](repeating: 1, count: count))
    }

    @Test("ten thousand short jobs in a row each finish before the call returns", arguments: [2, 4])
    func manyShortJobs(threadCount: Int) {
        let gang = ComputeGang(threadCount: threadCount)
        let total = Atomic<Int>(0)
        for job in 1...10_000 {
            gang.parallelFor(count: 8) { range in total.add(range.count, ordering: .relaxed) }
            #expect(total.load(ordering: .relaxed) == job * 8)
        }
    }

    @Test("no two ranges run at the same time with the same thread index")
    func threadIndicesAreExclusive() {
        let gang = ComputeGang(threadCount: 4)
        let isTaken = (0..<4).map { _ in Box() }
        let collisions = Atomic<Int>(0)
        for _ in 0..<500 {
            gang.parallelFor(
                count: 16,
                perThread: { _, thread in
                    if isTaken[thread].flag.exchange(true, ordering: .acquiringAndReleasing) {
                        collisions.add(1, ordering: .relaxed)
                    }
                    isTaken[thread].flag.store(false, ordering: .releasing)
                })
        }
        #expect(collisions.load(ordering: .relaxed) == 0)
    }

    private final class Box: Sendable {
        let flag = Atomic<Bool>(false)
    }

    @Test("a job too short to share runs on the calling thread in one range")
    func shortJobStaysWhole() {
        let gang = ComputeGang(threadCount: 4)
        var ranges: [Range<Int>] = []
        gang.parallelFor(count: 10, minimumPerThread: 6) { ranges.append($0) }
        #expect(ranges == [0..<10])
    }

    @Test("what a job captured is released when it returns")
    func releasesCaptures() {
        let gang = ComputeGang(threadCount: 2)
        weak var observed: Box?
        do {
            let box = Box()
            observed = box
            gang.parallelFor(count: 8) { _ in box.flag.store(true, ordering: .relaxed) }
        }
        #expect(observed == nil)
    }

    @Test("a gang that never worked ends its threads")
    func endsIdle() {
        for _ in 0..<20 { _ = ComputeGang(threadCount: 3) }
    }

    @Test("a job inside a job of the same gang is refused")
    func refusesNesting() async {
        await #expect(processExitsWith: .failure) {
            let gang = ComputeGang(threadCount: 1)
            gang.parallelFor(count: 1) { _ in gang.parallelFor(count: 1) { _ in } }
        }
    }
}
