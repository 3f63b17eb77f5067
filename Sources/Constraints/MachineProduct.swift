/// Several automata that read the same text side by side.
struct MachineProduct {
    /// The state of each; `Machine.dead` where a text that begins so is not in its language.
    typealias Place = [Int32]

    private var machines: [Machine]
    private let work: SchemaWork

    init(_ machines: [Machine], _ work: SchemaWork) {
        self.machines = machines
        self.work = work
    }

    var start: Place { machines.map(\.start) }

    /// Whether one of them hit a limit, and `dead` may mean that nobody knows.
    var isExhausted: Bool { machines.contains(where: \.isExhausted) }

    /// Whether the text up to here is in the language of one of them.
    func accepts(_ place: Place, _ index: Int) -> Bool { machines[index].isAccepting(place[index]) }

    /// Where each byte leads, as ranges of bytes that lead to the same place; without those by which all are dead.
    ///
    /// - Throws: when there is no work left for it.
    mutating func ways(
        from place: Place
    ) throws(JSONSchemaError) -> [(bytes: ClosedRange<UInt8>, place: Place)] {
        var ways: [(bytes: ClosedRange<UInt8>, place: Place)] = []
        let workBefore = machines.reduce(0) { $0 + $1.workLeft }
        for byte in UInt8.min...UInt8.max {
            let next = machines.indices.map { machines[$0].next(place[$0], byte) }
            guard next.contains(where: { $0 != Machine.dead }) else { continue }
            if let last = ways.last, last.place == next, last.bytes.upperBound == byte - 1 {
                ways[ways.count - 1].bytes = last.bytes.lowerBound...byte
            } else {
                ways.append((byte...byte, next))
            }
        }
        try work.take(machines.count + (workBefore - machines.reduce(0) { $0 + $1.workLeft }) / 64)
        return ways
    }
}
