import Compute

/// `MaxPool` and `GlobalMaxPool`: the largest element of each window; padding never wins.
struct MaxPool: Operator {
    let outputTypes: [ValueType]
    private let geometry: WindowGeometry
    private let planeCount: Int

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        // The order of the indices output, which is not given.
        _ = try reader.int("storage_order", default: 0)
        return try MaxPool(reader) { (input) throws(OperatorError) in try WindowGeometry(reader, input: input) }
    }

    static func makeGlobal(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try MaxPool(reader) { (input) throws(OperatorError) in try WindowGeometry(covering: input) }
    }

    private init(
        _ reader: NodeReader, _ geometry: (ValueType) throws(OperatorError) -> WindowGeometry
    ) throws(OperatorError) {
        try reader.limit(inputs: 1)
        let input = try reader.floatType(0)
        self.geometry = try geometry(input)
        planeCount = input.shape[0] * input.shape[1]
        outputTypes = [try self.geometry.poolingOutput(of: input)]
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let input = inputs[0]?.floats else { return }
        let output = outputs[0].floats
        let cost = geometry.inputPixelCount + geometry.outputPixelCount * geometry.width.kernelSize
        context.parallelFor(count: planeCount, elementsPerItem: cost) { planes, line in
            for plane in planes {
                pool(
                    input + plane * geometry.inputPixelCount, into: output + plane * geometry.outputPixelCount,
                    line: line)
            }
        }
    }

    /// One line of the input.
    var scratchFloatCount: Int { geometry.width.inputSize }

    /// One plane: first the largest of the rows that a window meets, column by column, then of the columns.
    ///
    /// The first pass works on whole vectors, whatever the stride.
    private func pool(
        _ image: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>, line: UnsafeMutablePointer<Float>
    ) {
        let (height, width) = (geometry.height, geometry.width)
        for row in 0..<height.outputSize {
            line.update(repeating: -.infinity, count: width.inputSize)
            for tap in height.validTaps(row) {
                let source = image + (height.start(row) + tap * height.dilation) * width.inputSize
                for column in 0..<width.inputSize { line[column] = Self.larger(source[column], line[column]) }
            }
            let output = result + row * width.outputSize
            for window in 0..<width.outputSize {
                var largest = -Float.infinity
                let start = width.start(window)
                for tap in width.validTaps(window) {
                    largest = Self.larger(line[start + tap * width.dilation], largest)
                }
                output[window] = largest
            }
        }
    }

    /// The larger one; a NaN is taken, and kept.
    @inline(__always)
    private static func larger(_ value: Float, _ largest: Float) -> Float {
        value > largest || value.isNaN ? value : largest
    }
}

/// `AveragePool` and `GlobalAveragePool`.
struct AveragePool: Operator {
    let outputTypes: [ValueType]
    private let geometry: WindowGeometry
    private let planeCount: Int
    /// Whether padding counts as zeros or not at all.
    private let countsPadding: Bool

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        let countsPadding = try reader.flag("count_include_pad")
        return try AveragePool(reader, countsPadding: countsPadding) { (input) throws(OperatorError) in
            try WindowGeometry(reader, input: input)
        }
    }

    static func makeGlobal(_ reader: NodeReader) throws(OperatorError) -> any Operator {
        try AveragePool(reader, countsPadding: false) { (input) throws(OperatorError) in
            try WindowGeometry(covering: input)
        }
    }

    private init(
        _ reader: NodeReader, countsPadding: Bool, _ geometry: (ValueType) throws(OperatorError) -> WindowGeometry
    ) throws(OperatorError) {
        try reader.limit(inputs: 1)
        let input = try reader.floatType(0)
        self.geometry = try geometry(input)
        self.countsPadding = countsPadding
        planeCount = input.shape[0] * input.shape[1]
        outputTypes = [try self.geometry.poolingOutput(of: input)]
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let input = inputs[0]?.floats else { return }
        let output = outputs[0].floats
        geometry.forEachWindow(planeCount: planeCount, context) { plane, window, rows, columns in
            var sum: Float = 0
            let image = input + plane * geometry.inputPixelCount
            for y in rows {
                for x in columns { sum += image[y * geometry.width.inputSize + x] }
            }
            let (row, column) = window.quotientAndRemainder(dividingBy: geometry.width.outputSize)
            let count =
                countsPadding
                ? geometry.height.paddedTapCount(row) * geometry.width.paddedTapCount(column)
                : rows.count * columns.count
            output[plane * geometry.outputPixelCount + window] = sum / Float(count)
        }
    }
}

extension WindowAxis {
    /// The taps of a window on the input or its padding; a window rounded up may reach past both.
    fileprivate func paddedTapCount(_ window: Int) -> Int {
        let start = start(window)
        return min(kernelSize, (inputSize + padAfter - 1 - start) / dilation + 1)
    }

    /// The input indices of a window, without the padding.
    fileprivate func indices(_ window: Int) -> StrideTo<Int> {
        let taps = validTaps(window)
        let start = start(window)
        return Swift.stride(
            from: start + taps.lowerBound * dilation, to: start + (taps.upperBound - 1) * dilation + 1, by: dilation)
    }
}

extension StrideTo<Int> {
    fileprivate var count: Int { underestimatedCount }
}

extension WindowGeometry {
    fileprivate func poolingOutput(of input: ValueType) throws(OperatorError) -> ValueType {
        try ValueType(.float32, [input.shape[0], input.shape[1]] + outputShape)
    }

    /// Calls `body` for every window of every plane with the window's number and its rows and columns of the input.
    fileprivate func forEachWindow(
        planeCount: Int, _ context: RunContext,
        _ body: (_ plane: Int, _ window: Int, _ rows: StrideTo<Int>, _ columns: StrideTo<Int>) -> Void
    ) {
        let columns = (0..<width.outputSize).map { width.indices($0) }
        context.parallelFor(count: planeCount, elementsPerItem: outputPixelCount * kernelSize) { planes in
            for plane in planes {
                for row in 0..<height.outputSize {
                    let rows = height.indices(row)
                    for column in 0..<width.outputSize {
                        body(plane, row * width.outputSize + column, rows, columns[column])
                    }
                }
            }
        }
    }
}
