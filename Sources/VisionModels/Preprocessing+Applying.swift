import Images

extension Preprocessing {
    /// Writes the elements that a model takes for `image`.
    ///
    /// - Parameters:
    ///   - image: of any size and format.
    ///   - width: the model's.
    ///   - height: the model's.
    ///   - elements: `[channels.count, height, width]`.
    /// - Throws: when the picture's size cannot be made the model's.
    func apply(
        to image: PixelImage, width: Int, height: Int, into elements: UnsafeMutableBufferPointer<Float>
    ) throws(PreprocessingError) {
        precondition(elements.count == channels.count * width * height, "\(elements.count) elements")
        var picture = image.converted(to: channels == .gray ? .gray8 : .rgb8)
        if inverts(picture) { picture = picture.inverted() }
        picture = try sized(picture, width: width, height: height)
        let pixelCount = width * height
        for channel in 0..<channels.count {
            let source = channels == .bgr ? 2 - channel : channel
            let mean = mean[mean.count == 1 ? 0 : channel]
            let divisor = std[std.count == 1 ? 0 : channel]
            for pixel in 0..<pixelCount {
                let value = Float(picture.pixels[pixel * channels.count + source])
                elements[channel * pixelCount + pixel] = (value * scale - mean) / divisor
            }
        }
    }

    private func sized(_ image: PixelImage, width: Int, height: Int) throws(PreprocessingError) -> PixelImage {
        var picture = image
        switch resize {
        case .none: break
        case .exact: return picture.resized(width: width, height: height)
        case .shorterSide(let size):
            let (shorter, longer) = (min(image.width, image.height), max(image.width, image.height))
            // A strip of a picture would become thousands of times as long as the model's input.
            guard longer / shorter <= Self.aspectRatioMax else {
                throw PreprocessingError(
                    field: "image", problem: "\(image.width) x \(image.height) pixels are too long a strip")
            }
            picture = picture.resized(shorterSide: size)
        }
        guard picture.width >= width, picture.height >= height else {
            throw PreprocessingError(
                field: "image",
                problem: "\(picture.width) x \(picture.height) pixels, the model takes \(width) x \(height)")
        }
        return picture.centreCropped(width: width, height: height)
    }

    private static let aspectRatioMax = 100

    private func inverts(_ image: PixelImage) -> Bool {
        switch inversion {
        case .never: false
        case .always: true
        case .automatic: image.borderBrightness > 127
        }
    }
}

extension PixelImage {
    /// The mean over the outermost pixels, all channels together.
    fileprivate var borderBrightness: Int {
        let channels = format.channelCount
        var (sum, count) = (0, 0)
        for row in 0..<height {
            let isEdge = row == 0 || row == height - 1
            for column in stride(from: 0, to: width, by: isEdge || width == 1 ? 1 : width - 1) {
                for channel in 0..<channels { sum += Int(pixels[(row * width + column) * channels + channel]) }
                count += channels
            }
        }
        return sum / count
    }
}
