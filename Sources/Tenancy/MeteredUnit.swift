/// What limits and budgets are counted in.
package enum MeteredUnit: String, CaseIterable, Hashable, Sendable {
    case requests
    /// Tokens of prompts, cached ones included, and of answers.
    case tokens
    case images
    /// Nodes of graphs, and edges below.
    case nodes
    case edges
}

/// An amount of each unit.
package struct MeteredAmounts: Hashable, Sendable {
    package var requests: UInt64 = 0
    package var tokens: UInt64 = 0
    package var images: UInt64 = 0
    package var nodes: UInt64 = 0
    package var edges: UInt64 = 0

    package init() {}

    package init(
        requests: UInt64 = 0, tokens: UInt64 = 0, images: UInt64 = 0, nodes: UInt64 = 0, edges: UInt64 = 0
    ) {
        self.requests = requests
        self.tokens = tokens
        self.images = images
        self.nodes = nodes
        self.edges = edges
    }

    package subscript(unit: MeteredUnit) -> UInt64 {
        get {
            switch unit {
            case .requests: requests
            case .tokens: tokens
            case .images: images
            case .nodes: nodes
            case .edges: edges
            }
        }
        set {
            switch unit {
            case .requests: requests = newValue
            case .tokens: tokens = newValue
            case .images: images = newValue
            case .nodes: nodes = newValue
            case .edges: edges = newValue
            }
        }
    }

    /// Adds; stays at the end of the range instead of overflowing.
    package mutating func add(_ other: MeteredAmounts) {
        for unit in MeteredUnit.allCases { self[unit] = Self.sum(self[unit], other[unit]) }
    }

    /// Of one unit, as `add` has it.
    static func sum(_ first: UInt64, _ second: UInt64) -> UInt64 {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }

    /// Makes each unit at least that of `other`.
    package mutating func raise(to other: MeteredAmounts) {
        for unit in MeteredUnit.allCases { self[unit] = max(self[unit], other[unit]) }
    }

    /// Takes away, at most all there is.
    package mutating func remove(_ other: MeteredAmounts) {
        for unit in MeteredUnit.allCases { self[unit] -= min(self[unit], other[unit]) }
    }
}
