extension Grammar {
    /// Whether a rule could call itself before it has read anything, which would never end; that rule.
    func leftRecursiveRule() -> Int32? {
        let nullable = nullableRules()
        // Rules that a rule may be in before it has read a byte.
        let entered = rules.indices.map { rule in
            var reached: Set<Int32> = []
            var called: Set<Int32> = []
            var open = [rules[rule].start]
            while let state = open.popLast() {
                guard reached.insert(state).inserted else { continue }
                for edge in edges[Int(state)] {
                    switch edge {
                    case .bytes: break
                    case .empty(let next): open.append(next)
                    case .call(let other, let next):
                        called.insert(other)
                        if nullable[Int(other)] { open.append(next) }
                    }
                }
            }
            return called
        }
        // 0 unseen, 1 on the way, 2 done; with a stack of our own, as chains of rules can be long.
        var marks = Array(repeating: 0, count: rules.count)
        for root in rules.indices where marks[root] == 0 {
            var path: [(rule: Int, rest: [Int32])] = [(root, Array(entered[root]))]
            marks[root] = 1
            while let last = path.indices.last {
                guard let next = path[last].rest.popLast() else {
                    marks[path[last].rule] = 2
                    path.removeLast()
                    continue
                }
                if marks[Int(next)] == 1 { return next }
                guard marks[Int(next)] == 0 else { continue }
                marks[Int(next)] = 1
                path.append((Int(next), Array(entered[Int(next)])))
            }
        }
        return nil
    }

    /// Rules that may read nothing.
    private func nullableRules() -> [Bool] {
        var nullable = Array(repeating: false, count: rules.count)
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for rule in rules.indices where !nullable[rule] {
                var reached: Set<Int32> = []
                var open = [rules[rule].start]
                while let state = open.popLast() {
                    guard reached.insert(state).inserted else { continue }
                    for edge in edges[Int(state)] {
                        switch edge {
                        case .bytes: break
                        case .empty(let next): open.append(next)
                        case .call(let other, let next): if nullable[Int(other)] { open.append(next) }
                        }
                    }
                }
                if reached.contains(rules[rule].end) {
                    nullable[rule] = true
                    hasChanged = true
                }
            }
        }
        return nullable
    }

    /// For each state the fewest calls within each other by which the end of its rule can be reached; `unreachable`
    /// where it cannot.
    func depthsToEnd() -> [Int32] {
        var depths = isEnd.map { $0 ? Int32(0) : Self.unreachable }
        var users: [[Int32]] = Array(repeating: [], count: edges.count)
        for (state, ways) in edges.enumerated() {
            for edge in ways {
                switch edge {
                case .bytes(_, let next), .empty(let next): users[Int(next)].append(Int32(state))
                case .call(let rule, let next):
                    users[Int(next)].append(Int32(state))
                    users[Int(rules[Int(rule)].start)].append(Int32(state))
                }
            }
        }
        var open = isEnd.indices.filter { isEnd[$0] }.map(Int32.init)
        while let state = open.popLast() {
            for user in users[Int(state)] {
                let depth = edges[Int(user)].map { self.depth(of: $0, depths) }.min() ?? Self.unreachable
                // Deeper than any stack is not to be reached; so there are few values, and few changes, for a state.
                guard depth < depths[Int(user)], depth <= Machine.depthMax else { continue }
                depths[Int(user)] = depth
                open.append(user)
            }
        }
        return depths
    }

    static let unreachable = Int32.max / 2

    private func depth(of edge: Edge, _ depths: [Int32]) -> Int32 {
        switch edge {
        case .bytes(_, let next), .empty(let next): depths[Int(next)]
        case .call(let rule, let next): max(depths[Int(next)], depths[Int(rules[Int(rule)].start)] + 1)
        }
    }

    /// Splits the bytes into classes, those of which have the same edges everywhere; `[256]` class numbers.
    func byteClasses() -> (of: [UInt8], count: Int) {
        var begins = Array(repeating: false, count: 257)
        begins[0] = true
        for case .bytes(let range, _) in edges.joined() {
            begins[Int(range.lowerBound)] = true
            begins[Int(range.upperBound) + 1] = true
        }
        var number = -1
        let classes = (0..<256).map { byte -> UInt8 in
            if begins[byte] { number += 1 }
            return UInt8(number)
        }
        return (classes, number + 1)
    }
}
