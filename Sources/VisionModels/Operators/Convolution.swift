import Compute

/// `Conv` over one or two spatial axes.
///
/// The image is unrolled tile by tile into the panel layout of the packed product (sixteen neighbouring pixels side by
/// side, see packed_gemm.c), so that unrolling and packing are one pass; the product then writes the rows of the output
/// in place. Filters that have a channel for themselves are applied directly.
///
/// Each output is accumulated over channels and taps in one fixed order, so its bits do not depend on how tiles are
/// shared among threads.
struct Convolution: Operator {
    let outputTypes: [ValueType]
    let geometry: WindowGeometry
    private let batchCount: Int
    let groupCount: Int
    /// Input channels of one group.
    let channelsPerGroup: Int
    /// Output channels of one group.
    let filtersPerGroup: Int
    /// What follows at once; set when the graph is fused.
    var activation = ClampRange.unbounded
    private let tiling: PixelTiling

    /// Length of a filter: channels times taps.
    var depth: Int { channelsPerGroup * geometry.kernelSize }
    var filterCount: Int { filtersPerGroup * groupCount }
    /// Unrolling pays when several filters read what was unrolled.
    private var isDirect: Bool { channelsPerGroup == 1 && filtersPerGroup < 4 }

    var scratchFloatCount: Int { isDirect ? 0 : tiling.blocksPerTile * PixelTiling.blockPixelCount * depth }

    static func make(_ reader: NodeReader) throws(OperatorError) -> any Operator { try Convolution(reader) }

    private init(_ reader: NodeReader) throws(OperatorError) {
        try reader.limit(inputs: 3)
        let input = try reader.floatType(0)
        let weights = try reader.floatType(1)
        guard input.rank == 3 || input.rank == 4 else { throw .wrongInputRank(0, rank: input.rank, expected: "3 or 4") }
        guard weights.rank == input.rank else {
            throw .wrongInputRank(1, rank: weights.rank, expected: "\(input.rank)")
        }
        let groupCount = try reader.int("group", default: 1)
        let (filterCount, channelsPerGroup) = (weights.shape[0], weights.shape[1])
        guard groupCount >= 1, groupCount <= max(filterCount, 1), filterCount % groupCount == 0,
            input.shape[1] == channelsPerGroup * groupCount
        else {
            throw .shapeMismatch("weights \(weights.shape) in \(groupCount) groups for an input \(input.shape)")
        }
        if let bias = reader.optionalInput(2) {
            guard try reader.floatType(2).shape == [filterCount] else {
                throw .shapeMismatch("bias \(bias.type.shape) for \(filterCount) filters")
            }
        }
        geometry = try WindowGeometry(reader, input: input, kernelShape: Array(weights.shape.dropFirst(2)))
        batchCount = input.shape[0]
        self.groupCount = groupCount
        self.channelsPerGroup = channelsPerGroup
        self.filtersPerGroup = filterCount / groupCount
        outputTypes = [try ValueType(.float32, [batchCount, filterCount] + geometry.outputShape)]
        tiling = PixelTiling(geometry, depth: channelsPerGroup * geometry.kernelSize)
    }

    func run(_ inputs: [UnsafeTensorView?], _ outputs: [UnsafeMutableTensorView], _ context: RunContext) {
        guard let input = inputs[0]?.floats, let weights = inputs[1]?.floats, outputTypes[0].elementCount > 0 else {
            return
        }
        let bias = inputs.count > 2 ? inputs[2]?.floats : nil
        let output = outputs[0].floats
        for sample in 0..<batchCount {
            let image = input + sample * groupCount * channelsPerGroup * geometry.inputPixelCount
            let result = output + sample * filterCount * geometry.outputPixelCount
            if isDirect {
                runDirect(image, weights, bias, result, context)
            } else {
                runTiles(image, weights, bias, result, context)
            }
        }
    }

    private func runTiles(
        _ image: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
        _ result: UnsafeMutablePointer<Float>, _ context: RunContext
    ) {
        let pixelCount = geometry.outputPixelCount
        let tileCount = tiling.tileCount
        let cost = tiling.blocksPerTile * depth * (filtersPerGroup + 8)
        context.parallelFor(count: groupCount * tileCount, elementsPerItem: cost) { tasks, panel in
            for task in tasks {
                let (group, tile) = task.quotientAndRemainder(dividingBy: tileCount)
                let pixels = tiling.pixels(ofTile: tile)
                let channels = image + group * channelsPerGroup * geometry.inputPixelCount
                tiling.unroll(channels, channelCount: channelsPerGroup, tile: tile, into: panel)
                let first = group * filtersPerGroup
                let rows = result + first * pixelCount + pixels.lowerBound
                context.gang.kernels.packedMultiply(
                    rows: filtersPerGroup, depth: depth, x: weights + first * depth, xStride: depth, packed: panel,
                    columns: 0..<pixels.count, y: rows, yStride: pixelCount)
                for filter in 0..<filtersPerGroup {
                    activation.apply(
                        adding: bias?[first + filter] ?? 0, to: rows + filter * pixelCount, count: pixels.count)
                }
            }
        }
    }

    /// One filter, one channel: every tap adds a scaled row of the image to a row of the output.
    private func runDirect(
        _ image: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
        _ result: UnsafeMutablePointer<Float>, _ context: RunContext
    ) {
        let pixelCount = geometry.outputPixelCount
        context.parallelFor(count: filterCount, elementsPerItem: pixelCount * geometry.kernelSize) { filters in
            for filter in filters {
                let plane = result + filter * pixelCount
                plane.update(repeating: 0, count: pixelCount)
                addTaps(
                    image + filter / filtersPerGroup * geometry.inputPixelCount,
                    weights + filter * geometry.kernelSize, to: plane)
                activation.apply(adding: bias?[filter] ?? 0, to: plane, count: pixelCount)
            }
        }
    }

    private func addTaps(
        _ channel: UnsafePointer<Float>, _ filter: UnsafePointer<Float>, to plane: UnsafeMutablePointer<Float>
    ) {
        let (height, width) = (geometry.height, geometry.width)
        for row in 0..<height.outputSize {
            for tapY in height.validTaps(row) {
                let line = channel + (height.start(row) + tapY * height.dilation) * width.inputSize
                let output = plane + row * width.outputSize
                for tapX in 0..<width.kernelSize {
                    let weight = filter[tapY * width.kernelSize + tapX]
                    let offset = tapX * width.dilation - width.padBefore
                    let columns = width.validWindows(tap: tapX)
                    if width.stride == 1 {
                        for column in columns { output[column] += weight * line[column + offset] }
                    } else {
                        for column in columns { output[column] += weight * line[column * width.stride + offset] }
                    }
                }
            }
        }
    }
}
