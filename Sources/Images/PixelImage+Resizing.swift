extension PixelImage {
    /// The picture at another size, by a triangle filter that widens with the reduction (bilinear with antialiasing).
    ///
    /// Computed in fixed point, first along the rows, then down the columns, each rounded to 8 bits, so that the result
    /// is the same on every machine and equals Pillow's `resize(…, BILINEAR)`.
    ///
    /// - Precondition: `width` and `height` are at least 1.
    /// - Complexity: O(width · (old height + height) · filter length).
    package func resized(width: Int, height: Int) -> PixelImage {
        precondition(width >= 1 && height >= 1, "resize to \(width) x \(height)")
        var image = self
        if width != self.width { image = image.resizedAlongRows(ResizeFilter(from: self.width, to: width)) }
        if height != self.height { image = image.resizedDownColumns(ResizeFilter(from: self.height, to: height)) }
        return image
    }

    /// The picture with its shorter side at `size` and the proportions kept as well as whole pixels allow.
    package func resized(shorterSide size: Int) -> PixelImage {
        func longer(_ long: Int, _ short: Int) -> Int { (size * long + short / 2) / short }
        return width <= height
            ? resized(width: size, height: longer(height, width)) : resized(width: longer(width, height), height: size)
    }

    private func resizedAlongRows(_ filter: ResizeFilter) -> PixelImage {
        let channels = format.channelCount
        let newWidth = filter.taps.count
        var result = [UInt8](repeating: 0, count: newWidth * height * channels)
        for row in 0..<height {
            for (column, tap) in filter.taps.enumerated() {
                let source = (row * width + tap.start) * channels
                for channel in 0..<channels {
                    result[(row * newWidth + column) * channels + channel] = filter.apply(
                        tap, to: pixels, at: source + channel, stride: channels)
                }
            }
        }
        return PixelImage(format, width: newWidth, height: height, pixels: result)
    }

    private func resizedDownColumns(_ filter: ResizeFilter) -> PixelImage {
        let rowLength = width * format.channelCount
        var result = [UInt8](repeating: 0, count: rowLength * filter.taps.count)
        for (row, tap) in filter.taps.enumerated() {
            for index in 0..<rowLength {
                result[row * rowLength + index] = filter.apply(
                    tap, to: pixels, at: tap.start * rowLength + index, stride: rowLength)
            }
        }
        return PixelImage(format, width: width, height: filter.taps.count, pixels: result)
    }
}

/// Which old samples make each new one along one axis, and by what weights.
private struct ResizeFilter {
    /// The samples `start ..< start + count` and where their weights begin.
    struct Tap {
        let start: Int
        let count: Int
        let weightIndex: Int
    }

    /// One for each new sample.
    private(set) var taps: [Tap] = []
    /// Fixed point with `fractionBitCount` bits; those of a tap add up to one.
    private var weights: [Int32] = []

    /// 8 bits of sample, 2 of headroom and these fill an Int32.
    private static let fractionBitCount = 22

    init(from oldSize: Int, to newSize: Int) {
        let scale = Double(oldSize) / Double(newSize)
        // The filter never gets narrower than one old sample on each side.
        let support = max(scale, 1)
        for index in 0..<newSize {
            let centre = (Double(index) + 0.5) * scale
            let start = max(0, Int(centre - support + 0.5))
            let end = min(oldSize, Int(centre + support + 0.5))
            append(Self.triangle(start..<end, centre: centre, support: support), start: start)
        }
    }

    private static func triangle(_ samples: Range<Int>, centre: Double, support: Double) -> [Double] {
        samples.map { max(0, 1 - abs((Double($0) - centre + 0.5) / support)) }
    }

    private mutating func append(_ values: [Double], start: Int) {
        taps.append(Tap(start: start, count: values.count, weightIndex: weights.count))
        let sum = values.reduce(0, +)
        let one = Double(1 << Self.fractionBitCount)
        weights.append(contentsOf: values.map { Int32($0 / sum * one + 0.5) })
    }

    /// The weighted sum of samples `stride` apart.
    func apply(_ tap: Tap, to samples: [UInt8], at start: Int, stride: Int) -> UInt8 {
        var sum: Int32 = 1 << (Self.fractionBitCount - 1)
        for index in 0..<tap.count {
            sum &+= Int32(samples[start + index * stride]) &* weights[tap.weightIndex + index]
        }
        return UInt8(clamping: sum >> Int32(Self.fractionBitCount))
    }
}
