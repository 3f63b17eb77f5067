/// How windows move along one axis of an image.
struct WindowAxis: Equatable {
    let inputSize: Int
    let kernelSize: Int
    let stride: Int
    let dilation: Int
    let padBefore: Int
    let padAfter: Int
    /// Number of windows.
    let outputSize: Int

    /// The first input index of a window; negative inside the padding.
    func start(_ window: Int) -> Int { window * stride - padBefore }

    /// The taps of a window that fall on the input rather than the padding.
    func validTaps(_ window: Int) -> Range<Int> {
        let start = start(window)
        let first = start >= 0 ? 0 : (-start + dilation - 1) / dilation
        let end = start >= inputSize ? 0 : (inputSize - 1 - start) / dilation + 1
        return min(first, kernelSize)..<max(min(end, kernelSize), min(first, kernelSize))
    }

    /// The windows whose `tap` falls on the input.
    func validWindows(tap: Int) -> Range<Int> {
        let offset = tap * dilation - padBefore
        let first = offset >= 0 ? 0 : (-offset + stride - 1) / stride
        let end = offset >= inputSize ? 0 : (inputSize - 1 - offset) / stride + 1
        return min(first, outputSize)..<max(min(end, outputSize), min(first, outputSize))
    }
}

/// The windows of a convolution or pooling over `[batch, channels, height, width]` or `[batch, channels, width]`, which
/// counts as one row.
struct WindowGeometry: Equatable {
    let height: WindowAxis
    let width: WindowAxis
    /// 1 or 2.
    let spatialRank: Int

    var inputPixelCount: Int { height.inputSize * width.inputSize }
    var outputPixelCount: Int { height.outputSize * width.outputSize }
    var kernelSize: Int { height.kernelSize * width.kernelSize }
    /// Whether every window is one pixel and every pixel has one, so that rows mean nothing.
    var isPointwise: Bool { height.isPointwise && width.isPointwise }
    /// The same pixels in one row.
    ///
    /// - Precondition: `isPointwise`.
    var asOneRow: WindowGeometry {
        precondition(isPointwise, "rows of \(self) matter")
        return WindowGeometry(height: .single, width: width.withSize(inputPixelCount), spatialRank: spatialRank)
    }
    /// The output's extents after batch and channels.
    var outputShape: [Int] { spatialRank == 1 ? [width.outputSize] : [height.outputSize, width.outputSize] }

    /// Extents and attributes up to this size; keeps every sum and product below within an Int.
    private static let sizeMax = 1 << 24

    /// Reads the attributes that all windowed operators share.
    ///
    /// `input` is the image, of rank 3 or 4; `kernelShape` the kernel's extents where weights tell them, else the
    /// attribute has to.
    ///
    /// - Source: ONNX operators Conv, MaxPool: `auto_pad`, `pads`, and the output shape formulas with `ceil_mode`.
    init(_ reader: NodeReader, input: ValueType, kernelShape weights: [Int]? = nil) throws(OperatorError) {
        let spatial = Array(input.shape.dropFirst(2))
        guard spatial.count == 1 || spatial.count == 2 else {
            throw .wrongInputRank(0, rank: input.rank, expected: "3 or 4")
        }
        let rank = spatial.count
        guard let kernel = try reader.ints("kernel_shape") ?? weights else { throw .missingAttribute("kernel_shape") }
        if let weights, weights != kernel {
            throw .shapeMismatch("kernel_shape \(kernel), but the weights are for \(weights)")
        }
        let strides = try reader.ints("strides") ?? Array(repeating: 1, count: rank)
        let dilations = try reader.ints("dilations") ?? Array(repeating: 1, count: rank)
        let pads = try reader.ints("pads") ?? Array(repeating: 0, count: rank * 2)
        try Self.check("kernel_shape", kernel, count: rank, minimum: 1)
        try Self.check("strides", strides, count: rank, minimum: 1)
        try Self.check("dilations", dilations, count: rank, minimum: 1)
        try Self.check("pads", pads, count: rank * 2, minimum: 0)
        let padding = try Padding(reader)
        let roundsUp = try reader.flag("ceil_mode")
        func axis(_ index: Int) throws(OperatorError) -> WindowAxis {
            try WindowAxis(
                inputSize: spatial[index], kernelSize: kernel[index], stride: strides[index],
                dilation: dilations[index], pads: (pads[index], pads[rank + index]), padding: padding,
                roundsUp: roundsUp)
        }
        spatialRank = rank
        width = try axis(rank - 1)
        height = rank == 2 ? try axis(0) : .single
    }

    /// One window over the whole image.
    init(covering input: ValueType) throws(OperatorError) {
        let spatial = Array(input.shape.dropFirst(2))
        guard spatial.count == 1 || spatial.count == 2 else {
            throw .wrongInputRank(0, rank: input.rank, expected: "3 or 4")
        }
        spatialRank = spatial.count
        width = .whole(spatial[spatial.count - 1])
        height = spatial.count == 2 ? .whole(spatial[0]) : .single
    }

    private init(height: WindowAxis, width: WindowAxis, spatialRank: Int) {
        self.height = height
        self.width = width
        self.spatialRank = spatialRank
    }

    private static func check(_ name: String, _ values: [Int], count: Int, minimum: Int) throws(OperatorError) {
        guard values.count == count, values.allSatisfy({ ($0 >= minimum) && $0 <= sizeMax }) else {
            throw .unsupportedAttributeValue(name: name, value: "\(values)")
        }
    }

    /// The attribute `auto_pad`.
    fileprivate enum Padding: String {
        case explicit = "NOTSET"
        case sameUpper = "SAME_UPPER"
        case sameLower = "SAME_LOWER"
        case none = "VALID"

        init(_ reader: NodeReader) throws(OperatorError) {
            let name = try reader.string("auto_pad", default: Padding.explicit.rawValue)
            guard let padding = Padding(rawValue: name) else {
                throw .unsupportedAttributeValue(name: "auto_pad", value: name)
            }
            self = padding
        }
    }
}

extension WindowAxis {
    /// The missing axis of a one-dimensional image.
    static let single = whole(1)

    fileprivate var isPointwise: Bool { kernelSize == 1 && stride == 1 && padBefore == 0 && padAfter == 0 }

    /// As many windows of one pixel.
    fileprivate func withSize(_ size: Int) -> WindowAxis {
        WindowAxis(
            inputSize: size, kernelSize: 1, stride: 1, dilation: 1, padBefore: 0, padAfter: 0, outputSize: size)
    }

    /// One window over everything.
    static func whole(_ size: Int) -> WindowAxis {
        WindowAxis(
            inputSize: size, kernelSize: size, stride: 1, dilation: 1, padBefore: 0, padAfter: 0, outputSize: 1)
    }

    fileprivate init(
        inputSize: Int, kernelSize: Int, stride: Int, dilation: Int, pads: (Int, Int),
        padding: WindowGeometry.Padding, roundsUp: Bool
    ) throws(OperatorError) {
        // Each factor is below 2^24.
        let reach = (kernelSize - 1) * dilation + 1
        var (before, after) = padding == .explicit ? pads : (0, 0)
        let outputSize: Int
        switch padding {
        case .sameUpper, .sameLower:
            outputSize = (inputSize + stride - 1) / stride
            let total = max((outputSize - 1) * stride + reach - inputSize, 0)
            before = padding == .sameUpper ? total / 2 : total - total / 2
            after = total - before
        case .explicit, .none:
            let room = inputSize + before + after - reach
            guard room >= 0, inputSize <= 1 << 24 else {
                throw .shapeMismatch("a window of \(reach) over \(inputSize) elements and \(before + after) of padding")
            }
            var count = (roundsUp ? (room + stride - 1) / stride : room / stride) + 1
            // A window that would begin in the padding behind the input is left out.
            if roundsUp, (count - 1) * stride >= inputSize + before { count -= 1 }
            outputSize = count
        }
        self.init(
            inputSize: inputSize, kernelSize: kernelSize, stride: stride, dilation: dilation, padBefore: before,
            padAfter: after, outputSize: outputSize)
    }
}
