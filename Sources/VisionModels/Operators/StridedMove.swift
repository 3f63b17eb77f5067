import Compute

/// `Transpose`, `Slice` and `Expand`: each output element copied from a place that moves evenly along every axis.
struct StridedMove: Operator {
    let outputTypes: [ValueType]
    /// Elements in the input from one output element to the next along each axis; 0 repeats, negative goes backwards.
    private let strides: [Int]
    private let start: Int

    private init(_ type: ValueType, shape: [Int], strides: [Int], start: Int = 0) throws(OperatorError) {
        outputTypes = [try ValueType(type.dataType, shape)]
        self.strides = strides
        self.start = start
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let input = inputs[0] else { return }
        switch outputTypes[0].elementByteCount {
        case 1: copy(input.elements(UInt8.self), outputs[0].elements(UInt8.self))
        case 2: copy(input.elements(UInt16.self), outputs[0].elements(UInt16.self))
        case 4: copy(input.elements(UInt32.self), outputs[0].elements(UInt32.self))
        default: copy(input.elements(UInt64.self), outputs[0].elements(UInt64.self))
        }
    }

    private func copy<Element>(_ input: UnsafePointer<Element>, _ output: UnsafeMutablePointer<Element>) {
        let columns = outputTypes[0].shape.last ?? 1
        let step = strides.last ?? 0
        forEachRow(shape: outputTypes[0].shape, strides: strides) { row, offset in
            let (source, target) = (input + start + offset, output + row * columns)
            for column in 0..<columns { target[column] = source[column * step] }
        }
    }

    static func makeTranspose(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 1)
        let type = try reader.type(0)
        let order = try reader.ints("perm") ?? Array((0..<type.rank).reversed())
        guard order.sorted() == Array(0..<type.rank) else {
            throw .unsupportedAttributeValue(name: "perm", value: "\(order)")
        }
        let strides = rowMajorStrides(type.shape)
        return try StridedMove(type, shape: order.map { type.shape[$0] }, strides: order.map { strides[$0] })
    }

    static func makeExpand(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 2)
        let type = try reader.type(0)
        let wanted = try reader.constantInts(1)
        guard wanted.count <= 16, wanted.allSatisfy({ $0 >= 0 }) else {
            throw .shapeMismatch("\(wanted) is no shape to expand to")
        }
        let broadcast = try Broadcast(type.shape, wanted)
        return try StridedMove(type, shape: broadcast.shape, strides: broadcast.firstStrides)
    }

    static func makeSlice(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 5)
        let type = try reader.type(0)
        guard let starts = try reader.ints(attribute: "starts", orInput: 1) else { throw .missingInput(1) }
        guard let ends = try reader.ints(attribute: "ends", orInput: 2) else { throw .missingInput(2) }
        let axes = try reader.ints(attribute: "axes", orInput: 3) ?? Array(starts.indices)
        let steps = try reader.optionalConstantInts(4) ?? Array(repeating: 1, count: starts.count)
        guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
            throw .shapeMismatch("\(starts.count) starts, \(ends.count) ends, \(axes.count) axes, \(steps.count) steps")
        }
        var (shape, strides, origin) = (type.shape, rowMajorStrides(type.shape), 0)
        let oldStrides = strides
        for (index, givenAxis) in axes.enumerated() {
            let axis = try type.axis(givenAxis)
            let part = try SlicedAxis(
                start: starts[index], end: ends[index], step: steps[index], extent: type.shape[axis])
            shape[axis] = part.count
            strides[axis] = part.count > 1 ? oldStrides[axis] * part.step : 0
            origin += part.count > 0 ? oldStrides[axis] * part.start : 0
        }
        return try StridedMove(type, shape: shape, strides: strides, start: origin)
    }
}

/// The part of one axis that a slice takes.
private struct SlicedAxis {
    let start: Int
    let step: Int
    let count: Int

    /// - Source: ONNX operator Slice: negative bounds count from the end, then are confined to the axis.
    init(start: Int, end: Int, step: Int, extent: Int) throws(OperatorError) {
        guard step != 0, step != .min else { throw .shapeMismatch("a step of \(step)") }
        func confined(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
            let position = bound < 0 ? max(bound, -extent - 1) + extent : bound
            return min(max(position, range.lowerBound), range.upperBound)
        }
        if step > 0 {
            let (first, last) = (confined(start, 0...extent), confined(end, 0...extent))
            self.start = first
            count = first < last ? (last - first - 1) / step + 1 : 0
        } else if extent == 0 {
            self.start = 0
            count = 0
        } else {
            let (first, last) = (confined(start, 0...(extent - 1)), confined(end, -1...(extent - 1)))
            self.start = first
            count = first > last ? (first - last - 1) / -step + 1 : 0
        }
        self.step = step
    }
}

/// Calls `body` for each run along the last axis of `shape`: its number, and where it begins among elements that lie
/// `strides` apart.
func forEachRow(shape: [Int], strides: [Int], _ body: (_ row: Int, _ offset: Int) -> Void) {
    guard !shape.contains(0) else { return }
    let outer = shape.dropLast()
    var position = [Int](repeating: 0, count: outer.count)
    var (row, offset) = (0, 0)
    while true {
        body(row, offset)
        row += 1
        var axis = outer.count - 1
        while axis >= 0 {
            position[axis] += 1
            offset += strides[axis]
            if position[axis] < outer[axis] { break }
            offset -= strides[axis] * outer[axis]
            position[axis] = 0
            axis -= 1
        }
        if axis < 0 { return }
    }
}
