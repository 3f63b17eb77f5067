import Compute
import Glibc

/// `BatchNormalization` with the statistics of training: a scale and a shift for each channel.
struct BatchNormalization: Operator {
    let outputTypes: [ValueType]
    let epsilon: Float
    private let channelCount: Int
    private let pixelCount: Int

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try BatchNormalization(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 5)
        let type = try reader.floatType(0)
        guard type.rank >= 2 else { throw .wrongInputRank(0, rank: type.rank, expected: "at least 2") }
        channelCount = type.shape[1]
        pixelCount = type.shape.dropFirst(2).reduce(1, *)
        for index in 1...4 {
            let shape = try reader.floatType(index).shape
            guard shape == [channelCount] else {
                throw .shapeMismatch("input \(index) of \(shape) for \(channelCount) channels")
            }
        }
        epsilon = try reader.float("epsilon", default: 1e-5)
        // Only training reads the momentum.
        _ = try reader.float("momentum", default: 0.9)
        guard try !reader.flag("training_mode") else {
            throw .unsupportedAttributeValue(name: "training_mode", value: "1")
        }
        guard try reader.flag("spatial", default: true) else {
            throw .unsupportedAttributeValue(name: "spatial", value: "0")
        }
        outputTypes = [type]
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let x = inputs[0]?.floats, let scale = inputs[1]?.floats, let shift = inputs[2]?.floats,
            let mean = inputs[3]?.floats, let variance = inputs[4]?.floats
        else { return }
        let y = outputs[0].floats
        let planeCount = outputTypes[0].shape[0] * channelCount
        context.parallelFor(count: planeCount, elementsPerItem: pixelCount) { planes in
            for plane in planes {
                let channel = plane % channelCount
                let factor = scale[channel] / (variance[channel] + epsilon).squareRoot()
                let offset = shift[channel] - mean[channel] * factor
                for pixel in plane * pixelCount..<(plane + 1) * pixelCount { y[pixel] = x[pixel] * factor + offset }
            }
        }
    }
}

/// `LRN`: each element divided by a power of the sum of squares over neighbouring channels.
///
/// - Source: Krizhevsky et al. 2012, section 3.3.
struct LocalResponseNormalization: Operator {
    let outputTypes: [ValueType]
    private let alpha: Float
    private let beta: Float
    private let bias: Float
    private let channelsBefore: Int
    private let channelsAfter: Int
    private let size: Int
    private let channelCount: Int
    private let pixelCount: Int

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try LocalResponseNormalization(reader)
    }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 1)
        let type = try reader.floatType(0)
        guard type.rank >= 2 else { throw .wrongInputRank(0, rank: type.rank, expected: "at least 2") }
        alpha = try reader.float("alpha", default: 1e-4)
        beta = try reader.float("beta", default: 0.75)
        bias = try reader.float("bias", default: 1)
        guard let size = try reader.optionalInt("size") else { throw .missingAttribute("size") }
        guard (1...1 << 20).contains(size) else { throw .unsupportedAttributeValue(name: "size", value: "\(size)") }
        self.size = size
        channelsBefore = (size - 1) / 2
        channelsAfter = size / 2
        channelCount = type.shape[1]
        pixelCount = type.shape.dropFirst(2).reduce(1, *)
        outputTypes = [type]
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let x = inputs[0]?.floats else { return }
        let y = outputs[0].floats
        let planeCount = outputTypes[0].shape[0] * channelCount
        context.parallelFor(count: planeCount, elementsPerItem: pixelCount * (size + 20)) { planes in
            for plane in planes {
                let channel = plane % channelCount
                let sample = x + (plane - channel) * pixelCount
                let neighbours = max(0, channel - channelsBefore)...min(channelCount - 1, channel + channelsAfter)
                for pixel in 0..<pixelCount {
                    var sum: Float = 0
                    for other in neighbours {
                        let value = sample[other * pixelCount + pixel]
                        sum += value * value
                    }
                    let value = sample[channel * pixelCount + pixel]
                    y[plane * pixelCount + pixel] = value / powf(bias + alpha / Float(size) * sum, beta)
                }
            }
        }
    }
}

/// `Softmax` and `LogSoftmax`.
///
/// Before operator set 13 the axes from `axis` on count as one.
struct Softmax: Operator {
    let outputTypes: [ValueType]
    private let isLogarithm: Bool
    private let outerCount: Int
    private let classCount: Int
    private let innerCount: Int

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try Softmax(reader, isLogarithm: false)
    }

    static func makeLogarithm(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try Softmax(reader, isLogarithm: true)
    }

    private init(_ reader: NodeReader, isLogarithm: Bool) throws(OperatorError) {
        try reader.limit(inputs: 1)
        let type = try reader.floatType(0)
        let isOneAxis = reader.opset >= 13
        let axis = try type.axis(try reader.int("axis", default: isOneAxis ? -1 : 1))
        outerCount = type.shape[..<axis].reduce(1, *)
        classCount = isOneAxis ? type.shape[axis] : type.shape[axis...].reduce(1, *)
        innerCount = isOneAxis ? type.shape[(axis + 1)...].reduce(1, *) : 1
        self.isLogarithm = isLogarithm
        outputTypes = [type]
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let x = inputs[0]?.floats else { return }
        let y = outputs[0].floats
        context.parallelFor(count: outerCount * innerCount, elementsPerItem: classCount * 16) { rows in
            for row in rows {
                let (outer, inner) = row.quotientAndRemainder(dividingBy: innerCount)
                let start = outer * classCount * innerCount + inner
                normalise(x + start, y + start)
            }
        }
    }

    /// One row; the largest element is subtracted first, so that no exponential overflows.
    private func normalise(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
        var largest = -Float.infinity
        for index in 0..<classCount { largest = max(largest, x[index * innerCount]) }
        var sum: Float = 0
        for index in 0..<classCount {
            let value = expf(x[index * innerCount] - largest)
            y[index * innerCount] = value
            sum += value
        }
        if isLogarithm {
            let logarithm = logf(sum)
            for index in 0..<classCount { y[index * innerCount] = x[index * innerCount] - largest - logarithm }
        } else {
            for index in 0..<classCount { y[index * innerCount] /= sum }
        }
    }
}
