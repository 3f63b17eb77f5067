/// Which of its neighbours a node hears in each layer, when it does not hear all of them.
///
/// The sample of a node depends on the seed, the node and the layer, and on nothing else: it is the same whoever asks
/// for whatever else. It is drawn without replacement, each neighbour as likely as any other; the node itself is always
/// heard and is not counted.
///
/// A layer counts each sampled neighbour as often as it stands for one, so that a convolution's sum over samples has
/// the sum over all neighbours as its mean, and the degrees stay those of the whole graph.
///
/// - Source: Hamilton et al. 2017 (GraphSAGE), section 3.1; Floyd's algorithm (Bentley 1987); SplitMix64.
struct NeighbourSampling: Hashable, Sendable {
    /// For each layer, first to last, the most neighbours that a node hears; 0 for all.
    let fanouts: [Int]
    let seed: UInt64

    /// A sampling; nil when it takes all neighbours, whatever the seed.
    ///
    /// - Parameters:
    ///   - fanoutsFromLast: one for each layer from the last one backwards, none below 0.
    ///   - seed: any number.
    init?(fanoutsFromLast: [Int], seed: UInt64) {
        guard fanoutsFromLast.contains(where: { $0 > 0 }) else { return nil }
        fanouts = fanoutsFromLast.reversed()
        self.seed = seed
    }

    /// The nodes of a row that are heard.
    ///
    /// - Parameters:
    ///   - row: of the whole graph, ascending, `node` among them.
    ///   - node: whose row it is.
    ///   - layer: in `fanouts.indices`.
    /// - Returns: a part of `row` in the same order, `node` in it, and how many neighbours each other one stands for.
    /// - Complexity: O(fanout · log(fanout) + log(row)).
    func sample(_ row: ArraySlice<Int32>, of node: Int32, layer: Int) -> (nodes: ArraySlice<Int32>, scale: Float) {
        let fanout = fanouts[layer]
        let neighbourCount = row.count - 1
        guard fanout > 0, fanout < neighbourCount else { return (row, 1) }
        let own = Self.index(of: node, in: row)
        var chosen: [Int32] = [node]
        chosen.reserveCapacity(fanout + 1)
        for neighbour in draw(fanout, of: neighbourCount, node: node, layer: layer) {
            let index = row.startIndex + neighbour
            chosen.append(row[index < own ? index : index + 1])
        }
        chosen.sort()
        return (chosen[...], Float(neighbourCount) / Float(fanout))
    }

    /// `count` different numbers in `0 ..< total`, in no order.
    private func draw(_ count: Int, of total: Int, node: Int32, layer: Int) -> Set<Int> {
        // Layers are counted from the last one, as callers count them.
        let place = UInt64(fanouts.count - 1 - layer) << 32 | UInt64(UInt32(bitPattern: node))
        let start = Self.mix(Self.mix(seed &+ Self.step) ^ place)
        var drawn: Set<Int> = []
        drawn.reserveCapacity(count)
        for (index, last) in (total - count..<total).enumerated() {
            let random = Self.mix(start &+ UInt64(index + 1) &* Self.step)
            // The high half of the product: of 2^64 numbers one in 2^37 at most is favoured.
            let number = Int(random.multipliedFullWidth(by: UInt64(last + 1)).high)
            if !drawn.insert(number).inserted { drawn.insert(last) }
        }
        return drawn
    }

    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Where `node` stands in an ascending row.
    private static func index(of node: Int32, in row: ArraySlice<Int32>) -> Int {
        var (low, high) = (row.startIndex, row.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if row[middle] < node { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
