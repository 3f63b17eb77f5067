/// Where the values of a graph lie in one shared block of memory.
///
/// Two values may share memory when no step needs both. Values are placed from the largest to the smallest, each at the
/// lowest place that is free during its whole life.
///
/// - Source: Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference" (greedy by size).
struct MemoryPlan: Equatable {
    /// A value's need of memory: steps `firstStep ... lastStep`, from the one that writes it to the last that reads it.
    struct Request {
        let byteCount: Int
        let firstStep: Int
        let lastStep: Int
    }

    /// Cache lines, and one register of the widest kernels.
    static let alignment = 64

    /// For each request, where it begins.
    let offsets: [Int]
    let byteCount: Int

    init(_ requests: [Request]) {
        var offsets = [Int](repeating: 0, count: requests.count)
        var placed: [Int] = []
        var total = 0
        let order = requests.indices.sorted { requests[$0].byteCount > requests[$1].byteCount }
        for index in order where requests[index].byteCount > 0 {
            let request = requests[index]
            let taken = placed.filter {
                requests[$0].firstStep <= request.lastStep && request.firstStep <= requests[$0].lastStep
            }
            .map { offsets[$0]..<offsets[$0] + Self.aligned(requests[$0].byteCount) }
            .sorted { $0.lowerBound < $1.lowerBound }
            let size = Self.aligned(request.byteCount)
            offsets[index] = Self.lowestGap(of: size, between: taken)
            total = max(total, offsets[index] + size)
            placed.append(index)
        }
        self.offsets = offsets
        self.byteCount = total
    }

    private static func lowestGap(of size: Int, between taken: [Range<Int>]) -> Int {
        var candidate = 0
        for range in taken where range.lowerBound < candidate + size {
            candidate = max(candidate, range.upperBound)
        }
        return candidate
    }

    private static func aligned(_ byteCount: Int) -> Int { (byteCount + alignment - 1) / alignment * alignment }
}
