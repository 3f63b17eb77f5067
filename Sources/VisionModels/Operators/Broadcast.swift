/// Two shapes made one: extents of 1 repeat, missing leading axes count as 1.
///
/// - Source: ONNX docs/Broadcasting.md (multidirectional).
struct Broadcast {
    let shape: [Int]
    /// For each axis of `shape`, the distance in elements between neighbours of the first and second operand; 0 where
    /// it repeats.
    let firstStrides: [Int]
    let secondStrides: [Int]

    init(_ first: [Int], _ second: [Int]) throws(OperatorError) {
        let rank = max(first.count, second.count)
        let (left, right) = (Self.padded(first, rank), Self.padded(second, rank))
        var shape: [Int] = []
        for (l, r) in zip(left, right) {
            guard l == r || l == 1 || r == 1 else { throw .shapeMismatch("shapes \(first) and \(second)") }
            shape.append(l == 1 ? r : l)
        }
        self.shape = shape
        firstStrides = Self.strides(left, in: shape)
        secondStrides = Self.strides(right, in: shape)
    }

    private static func padded(_ shape: [Int], _ rank: Int) -> [Int] {
        Array(repeating: 1, count: rank - shape.count) + shape
    }

    private static func strides(_ operand: [Int], in shape: [Int]) -> [Int] {
        zip(operand, rowMajorStrides(operand)).map { $0 == 1 ? 0 : $1 }
    }

    private init(shape: [Int], firstStrides: [Int], secondStrides: [Int]) {
        self.shape = shape
        self.firstStrides = firstStrides
        self.secondStrides = secondStrides
    }

    /// The same elements in the same order over as few axes as possible.
    ///
    /// Neighbouring axes become one where both operands go on evenly from one to the other; equal shapes become one
    /// axis.
    func merged() -> Broadcast {
        var (shape, first, second): ([Int], [Int], [Int]) = ([], [], [])
        for axis in self.shape.indices where self.shape[axis] != 1 {
            let (extent, a, b) = (self.shape[axis], firstStrides[axis], secondStrides[axis])
            if let last = shape.indices.last, first[last] == a * extent, second[last] == b * extent {
                shape[last] *= extent
                (first[last], second[last]) = (a, b)
            } else {
                shape.append(extent)
                first.append(a)
                second.append(b)
            }
        }
        return Broadcast(shape: shape, firstStrides: first, secondStrides: second)
    }

    /// For each element of the result, the elements of both operands that it takes.
    func indexPairs() -> [(a: Int, b: Int)] {
        var pairs: [(a: Int, b: Int)] = []
        let columns = shape.last ?? 1
        forEachRow { _, first, second in
            for column in 0..<columns {
                pairs.append((first + column * (firstStrides.last ?? 0), second + column * (secondStrides.last ?? 0)))
            }
        }
        return pairs
    }

    /// Calls `body` for each run along the last axis: the index of the run and where each operand's run begins.
    func forEachRow(_ body: (_ row: Int, _ first: Int, _ second: Int) -> Void) {
        guard !shape.contains(0) else { return }
        let outer = shape.dropLast()
        var position = [Int](repeating: 0, count: outer.count)
        var (row, first, second) = (0, 0, 0)
        while true {
            body(row, first, second)
            row += 1
            var axis = outer.count - 1
            while axis >= 0 {
                position[axis] += 1
                first += firstStrides[axis]
                second += secondStrides[axis]
                if position[axis] < outer[axis] { break }
                first -= firstStrides[axis] * outer[axis]
                second -= secondStrides[axis] * outer[axis]
                position[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}
