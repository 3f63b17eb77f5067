import Compute
import Vocabulary

/// `Pad`: elements added around a value, or cut off it where the amount is negative.
struct Padding: Operator {
    private enum Mode: String { case constant, reflect, edge, wrap }

    let outputTypes: [ValueType]
    /// For each axis, the input index that each output index takes; nil outside the input.
    private let sources: [[Int?]]
    private let strides: [Int]
    /// The bytes of one element.
    private let filler: [UInt8]

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try Padding(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 4)
        let type = try reader.type(0)
        let name = try reader.string("mode", default: "constant")
        guard let mode = Mode(rawValue: name) else { throw .unsupportedAttributeValue(name: "mode", value: name) }
        guard let pads = try reader.ints(attribute: "pads", orInput: 1) else { throw .missingInput(1) }
        let axes = try reader.optionalConstantInts(3) ?? Array(0..<type.rank)
        guard pads.count == axes.count * 2 else { throw .shapeMismatch("\(pads.count) pads for \(axes.count) axes") }
        var sources = type.shape.map { extent in (0..<extent).map { Optional($0) } }
        for (index, givenAxis) in axes.enumerated() {
            let axis = try type.axis(givenAxis)
            sources[axis] = try Self.sources(
                extent: type.shape[axis], before: pads[index], after: pads[axes.count + index], mode)
        }
        outputTypes = [try ValueType(type.dataType, sources.map(\.count))]
        self.sources = sources
        strides = rowMajorStrides(type.shape)
        filler = try Self.filler(reader, type)
    }

    private static func sources(extent: Int, before: Int, after: Int, _ mode: Mode) throws(OperatorError) -> [Int?] {
        let limit = 1 << 24
        guard abs(before.clamped) < limit, abs(after.clamped) < limit, extent < limit, extent + before + after >= 0
        else { throw .shapeMismatch("padding \(before) and \(after) around \(extent) elements") }
        guard extent > 0 || mode == .constant else { throw .shapeMismatch("nothing to repeat in an axis of 0") }
        return (-before..<max(extent + after, -before)).map { index in
            guard !(0..<extent).contains(index) else { return index }
            switch mode {
            case .constant: return nil
            case .edge: return index < 0 ? 0 : extent - 1
            case .wrap: return (index % extent + extent) % extent
            case .reflect:
                // The edge itself is not repeated: a walk to and fro over extent - 1 steps.
                let period = max(1, 2 * (extent - 1))
                let phase = (index % period + period) % period
                return phase < extent ? phase : period - phase
            }
        }
    }

    private static func filler(_ reader: NodeReader, _ type: ValueType) throws(OperatorError) -> [UInt8] {
        let zero = [UInt8](repeating: 0, count: type.elementByteCount)
        if let value = try reader.optionalFloat("value") {
            guard type.dataType == .float32 else { throw .unsupportedInputType(0, type.dataType.wireName) }
            return withUnsafeBytes(of: value) { Array($0) }
        }
        guard let value = reader.optionalInput(2) else { return zero }
        guard let data = value.constant else { throw .inputNotConstant(2) }
        guard data.count == zero.count, value.type.dataType == type.dataType else {
            throw .shapeMismatch("a padding value of type \(value.type)")
        }
        return data.array
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
        let fill = filler.withUnsafeBytes { $0.loadUnaligned(as: Element.self) }
        let columns = sources.last ?? [0]
        let step = strides.last ?? 0
        var target = output
        let outer = sources.dropLast()
        forEachRow(shape: outputTypes[0].shape, strides: outer.map { _ in 0 }) { row, _ in
            let start = rowStart(row, outer)
            for column in columns {
                if let start, let column {
                    target.initialize(to: input[start + column * step])
                } else {
                    target.initialize(to: fill)
                }
                target += 1
            }
        }
    }

    /// Where an output row's elements begin in the input, nil when the row is padding.
    private func rowStart(_ row: Int, _ outer: ArraySlice<[Int?]>) -> Int? {
        var (rest, start) = (row, 0)
        for axis in outer.indices.reversed() {
            let (next, index) = rest.quotientAndRemainder(dividingBy: outer[axis].count)
            guard let source = outer[axis][index] else { return nil }
            start += source * strides[axis]
            rest = next
        }
        return start
    }
}

extension Int {
    /// Far enough from the ends that its sign can be changed.
    fileprivate var clamped: Int { Swift.max(self, -Int.max) }
}
