import Testing

@testable import GraphModels

@Suite("NodeFeatures")
struct NodeFeaturesTests {
    private func dense(_ features: NodeFeatures) -> [Float]? {
        guard case .dense(let values) = features.storage else { return nil }
        return values
    }

    private func sparse(_ features: NodeFeatures) -> [[Int: Float]]? {
        guard case .sparse(let rows) = features.storage else { return nil }
        return (0..<features.nodeCount).map { node in
            var row: [Int: Float] = [:]
            rows.forEach(inRow: node) { row[$0] = $1 }
            return row
        }
    }

    @Test("rows are divided by their sums, and rows that sum to zero stay")
    func normalizes() throws {
        let features = try NodeFeatures(
            [1, 1, 0, 2, 0, 0, 1, -1, 3, 1, 4, 0], nodeCount: 4, featureCount: 3, normalization: .rowSum)
        #expect(dense(features) == [0.5, 0.5, 0, 1, 0, 0, 1 / 3, -1 / 3, 1, 0.2, 0.8, 0])
        let zero = try NodeFeatures([1, -1], nodeCount: 1, featureCount: 2, normalization: .rowSum)
        #expect(dense(zero) == [1, -1])
    }

    @Test("features that are mostly zeros keep their other values only")
    func keepsNonzeros() throws {
        var values = [Float](repeating: 0, count: 20)
        values[3] = 2
        values[19] = -1
        let features = try NodeFeatures(values, nodeCount: 2, featureCount: 10, normalization: .none)
        #expect(sparse(features) == [[3: 2], [9: -1]])
        values[4] = 1
        #expect(sparse(try NodeFeatures(values, nodeCount: 2, featureCount: 10, normalization: .none)) == nil)
    }

    @Test("a feature that is not finite is named", arguments: [Float.nan, .infinity, -.infinity])
    func refusesNonFinite(value: Float) {
        for normalization in [FeatureNormalization.none, .rowSum] {
            #expect(throws: GraphError.self) {
                try NodeFeatures([0, 1, 2, value], nodeCount: 2, featureCount: 2, normalization: normalization)
            }
        }
        #expect(throws: GraphError.featureNotFinite(node: 1, feature: 1)) {
            try NodeFeatures([0, 1, 2, value], nodeCount: 2, featureCount: 2, normalization: .none)
        }
    }

    @Test("a row whose sum is too small to divide by is refused, not served as infinity")
    func refusesOverflow() {
        // 1 - 1 + tiny is exact, and 1 / tiny is beyond Float.
        let tiny = Float.leastNonzeroMagnitude
        #expect(throws: GraphError.featureNotFinite(node: 0, feature: 0)) {
            try NodeFeatures([1, -1, tiny], nodeCount: 1, featureCount: 3, normalization: .rowSum)
        }
    }
}
