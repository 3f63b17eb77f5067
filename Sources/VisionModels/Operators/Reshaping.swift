import Compute
import Vocabulary

/// The same elements under another shape: costs nothing at a run.
struct Reshaping: Operator {
    let outputTypes: [ValueType]
    var aliasedInput: Int? { 0 }

    private init(_ type: ValueType, shape: [Int]) throws(OperatorError) {
        let result = try ValueType(type.dataType, shape)
        guard result.elementCount == type.elementCount else {
            throw .shapeMismatch("\(type.shape) cannot become \(shape)")
        }
        outputTypes = [result]
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        preconditionFailure("an alias is never a step")
    }

    static func makeIdentity(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 1)
        let type = try reader.type(0)
        return try Reshaping(type, shape: type.shape)
    }

    /// Outside training nothing is dropped.
    static func makeDropout(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 3)
        _ = try reader.float("ratio", default: 0.5)
        _ = try reader.int("seed", default: 0)
        if let mode = reader.optionalInput(2) {
            guard let data = mode.constant else { throw .inputNotConstant(2) }
            guard data.array.allSatisfy({ $0 == 0 }) else {
                throw .unsupportedAttributeValue(name: "training_mode", value: "1")
            }
        }
        let type = try reader.type(0)
        return try Reshaping(type, shape: type.shape)
    }

    static func makeReshape(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 2)
        let type = try reader.type(0)
        let allowsZero = try reader.flag("allowzero")
        var shape = try reader.constantInts(1)
        guard shape.count <= 16, shape.allSatisfy({ $0 >= -1 }), shape.filter({ $0 == -1 }).count <= 1 else {
            throw .shapeMismatch("\(shape) is no shape to become")
        }
        if !allowsZero {
            for (axis, extent) in shape.enumerated() where extent == 0 {
                guard axis < type.rank else { throw .axisOutOfRange(axis, rank: type.rank) }
                shape[axis] = type.shape[axis]
            }
        }
        if let free = shape.firstIndex(of: -1) {
            shape[free] = 1
            let known = try ValueType(.bool, shape).elementCount
            shape[free] = known == 0 ? 0 : type.elementCount / known
        }
        return try Reshaping(type, shape: shape)
    }

    static func makeFlatten(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 1)
        let type = try reader.type(0)
        let axis = try reader.int("axis", default: 1)
        guard (-type.rank...type.rank).contains(axis) else { throw .axisOutOfRange(axis, rank: type.rank) }
        let cut = axis < 0 ? axis + type.rank : axis
        return try Reshaping(type, shape: [type.shape[..<cut].reduce(1, *), type.shape[cut...].reduce(1, *)])
    }

    static func makeSqueeze(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 2)
        let type = try reader.type(0)
        guard let given = try reader.ints(attribute: "axes", orInput: 1) else {
            return try Reshaping(type, shape: type.shape.filter { $0 != 1 })
        }
        let axes = Set(try given.map { (axis) throws(OperatorError) in try type.axis(axis) })
        guard axes.allSatisfy({ type.shape[$0] == 1 }) else {
            throw .shapeMismatch("axes \(given) of \(type.shape) are not all 1")
        }
        return try Reshaping(type, shape: type.shape.indices.filter { !axes.contains($0) }.map { type.shape[$0] })
    }

    static func makeUnsqueeze(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try reader.limit(inputs: 2)
        let type = try reader.type(0)
        guard let given = try reader.ints(attribute: "axes", orInput: 1) else { throw .missingInput(1) }
        let rank = type.rank + given.count
        guard rank <= 16 else { throw .axisOutOfRange(rank, rank: 16) }
        var isNew = [Bool](repeating: false, count: rank)
        for axis in given {
            guard (-rank..<rank).contains(axis), !isNew[axis < 0 ? axis + rank : axis] else {
                throw .axisOutOfRange(axis, rank: rank)
            }
            isNew[axis < 0 ? axis + rank : axis] = true
        }
        var extents = type.shape.makeIterator()
        return try Reshaping(type, shape: isNew.map { $0 ? 1 : extents.next() ?? 1 })
    }
}
