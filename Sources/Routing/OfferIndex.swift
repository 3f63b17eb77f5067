import Vocabulary

/// Which replicas offer a model, found by its name with one look.
///
/// Why: it is asked for every call, under a lock that all loops share, while what replicas serve changes when somebody
/// loads a model; so it is made anew when it does, and costs nothing when they only say how busy they are.
struct OfferIndex: Sendable {
    /// That a replica has a model.
    struct Offer: Sendable {
        /// The replica's place in the table.
        let slot: Int
        /// The versions, ascending, as places in the replica's report.
        let places: Range<Int>
    }

    private var rowsByName: [ModelName: Int] = [:]
    private var rows: [[Offer]] = []
    /// The name that was looked for last, and where it is.
    private var last: (name: ModelName, row: Int)?
    /// For each row, where the search begins, so that equals take turns.
    private var turns: [Int] = []

    /// An index of nothing.
    init() {}

    /// An index of what these replicas offer.
    ///
    /// - Complexity: O(all models of all replicas).
    init(_ reports: some Sequence<(slot: Int, report: ReplicaReport)>) {
        for (slot, report) in reports {
            var start = 0
            while start < report.models.count {
                let name = report.models[start].name
                let end = report.models[start...].firstIndex { $0.name != name } ?? report.models.count
                add(Offer(slot: slot, places: start..<end), to: name)
                start = end
            }
        }
    }

    private mutating func add(_ offer: Offer, to name: ModelName) {
        if let row = rowsByName[name] { return rows[row].append(offer) }
        rowsByName[name] = rows.count
        rows.append([offer])
        turns.append(0)
    }

    /// Where the offers of a name are; nil when no replica has ever said that it has such a model.
    func row(of name: ModelName) -> Int? { rowsByName[name] }

    /// The same without hashing the name when it is the one that was looked for last, as it is at least once a call.
    mutating func rowAgain(of name: ModelName) -> Int? {
        if let last, last.name == name { return last.row }
        last = rowsByName[name].map { (name, $0) }
        return last?.row
    }

    /// The offers of a row; at least one.
    func offers(in row: Int) -> [Offer] { rows[row] }

    /// Moves the beginning of the search in a row on by one offer; gives the new one.
    mutating func takeTurn(in row: Int) -> Int {
        turns[row] = turns[row] + 1 < rows[row].count ? turns[row] + 1 : 0
        return turns[row]
    }
}
