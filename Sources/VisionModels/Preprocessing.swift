import Images

/// How a picture becomes the input of a model, the same way as when the model was trained.
///
/// In this order: gray or colour, inversion, resizing, centre crop, then for each channel `(pixel · scale - mean) /
/// std`, laid out `[channels, height, width]`.
package struct Preprocessing: Sendable, Equatable {
    /// What happens to the size.
    package enum Resize: Sendable, Equatable {
        /// The picture must have the right size already.
        case none
        /// To the model's size, whatever the proportions.
        case exact
        /// The shorter side to that many pixels with the proportions kept; what is then too large is cropped.
        case shorterSide(Int)
    }

    /// What the channels are.
    package enum Channels: String, Sendable, Equatable, CaseIterable {
        case gray, rgb, bgr

        /// How many there are.
        package var count: Int { self == .gray ? 1 : 3 }
    }

    /// Whether dark and bright change places.
    package enum Inversion: String, Sendable, Equatable, CaseIterable {
        case never, always
        /// When the border of the picture is bright: turns ink on paper into the bright strokes on black that models of
        /// handwriting are trained on.
        case automatic
    }

    package var resize: Resize
    package var channels: Channels
    package var inversion: Inversion
    /// Factor of the 8-bit pixel values, usually 1/255 or 1.
    package var scale: Float
    /// One for each channel in their order, or one for all.
    package var mean: [Float]
    /// One for each channel in their order, or one for all; none is 0.
    package var std: [Float]

    /// - Throws: `PreprocessingError` naming the field.
    package init(
        resize: Resize = .exact, channels: Channels = .rgb, inversion: Inversion = .never, scale: Float = 1 / 255,
        mean: [Float] = [0], std: [Float] = [1]
    ) throws(PreprocessingError) {
        self.resize = resize
        self.channels = channels
        self.inversion = inversion
        self.scale = scale
        self.mean = mean
        self.std = std
        try check()
    }

    /// Values between 0 and 1, resized to the model's size, for 1 or 3 channels: what most small models take.
    package static func plain(channelCount: Int) -> Preprocessing {
        // The fields of this value pass the checks.
        guard let value = try? Preprocessing(channels: channelCount == 1 ? .gray : .rgb) else {
            preconditionFailure("plain preprocessing is refused")
        }
        return value
    }

    private func check() throws(PreprocessingError) {
        if case .shorterSide(let size) = resize, !(1...1 << 14).contains(size) {
            throw PreprocessingError(field: "resize", problem: "\(size) is not in 1 ... \(1 << 14)")
        }
        guard scale.isFinite, scale != 0 else {
            throw PreprocessingError(field: "scale", problem: "\(scale) is not a number other than 0")
        }
        for (field, values) in [("mean", mean), ("std", std)] {
            guard values.count == 1 || values.count == channels.count else {
                throw PreprocessingError(
                    field: field, problem: "\(values.count) values for the \(channels.count) channels of \(channels)")
            }
            guard values.allSatisfy({ $0.isFinite && (field == "mean" || $0 != 0) }) else {
                throw PreprocessingError(field: field, problem: "\(values) are not usable numbers")
            }
        }
    }
}

/// Why preprocessing cannot be done as configured.
package struct PreprocessingError: Error, Equatable, CustomStringConvertible {
    /// As in the model's configuration.
    package let field: String
    package let problem: String

    package init(field: String, problem: String) {
        self.field = field
        self.problem = problem
    }

    package var description: String { "preprocessing, \(field): \(problem)" }
}
