/// A decoded picture: rows from the top, pixels from the left, 8 bits a channel.
package struct PixelImage: Sendable, Equatable {
    /// What a pixel consists of.
    package enum Format: Sendable, Equatable {
        /// One brightness.
        case gray8
        /// Red, green, blue.
        case rgb8

        /// Bytes of a pixel.
        package var channelCount: Int { self == .gray8 ? 1 : 3 }
    }

    package let format: Format
    /// At least 1.
    package let width: Int
    /// At least 1.
    package let height: Int
    /// `height · width · channelCount` bytes, rows without padding.
    package let pixels: [UInt8]

    /// - Precondition: `pixels` is as long as the sizes say.
    package init(_ format: Format, width: Int, height: Int, pixels: [UInt8]) {
        precondition(width >= 1 && height >= 1, "an image of \(width) x \(height)")
        precondition(
            pixels.count == width * height * format.channelCount,
            "\(pixels.count) bytes for \(width) x \(height) pixels of \(format)")
        self.format = format
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// The same picture in another format.
    ///
    /// Brightness is the luma of ITU-R BT.601 on the stored values, in 16-bit fixed point: 0.299 R + 0.587 G + 0.114 B.
    package func converted(to format: Format) -> PixelImage {
        switch (self.format, format) {
        case (.gray8, .gray8), (.rgb8, .rgb8): return self
        case (.gray8, .rgb8):
            return PixelImage(.rgb8, width: width, height: height, pixels: pixels.flatMap { [$0, $0, $0] })
        case (.rgb8, .gray8):
            let luma = [UInt8](unsafeUninitializedCapacity: width * height) { destination, count in
                for index in 0..<width * height {
                    let red = UInt32(pixels[index * 3]) * 19595
                    let green = UInt32(pixels[index * 3 + 1]) * 38470
                    let blue = UInt32(pixels[index * 3 + 2]) * 7471
                    destination.initializeElement(at: index, to: UInt8((red + green + blue + 0x8000) >> 16))
                }
                count = width * height
            }
            return PixelImage(.gray8, width: width, height: height, pixels: luma)
        }
    }

    /// The part of `width · height` pixels whose upper left corner is at `left`, `top`.
    ///
    /// - Precondition: the part lies inside the picture and is not empty.
    package func cropped(left: Int, top: Int, width: Int, height: Int) -> PixelImage {
        precondition(
            left >= 0 && top >= 0 && width >= 1 && height >= 1 && left + width <= self.width
                && top + height <= self.height,
            "\(width) x \(height) at \(left), \(top) of \(self.width) x \(self.height)")
        let channels = format.channelCount
        var part: [UInt8] = []
        part.reserveCapacity(width * height * channels)
        for row in top..<top + height {
            let start = (row * self.width + left) * channels
            part.append(contentsOf: pixels[start..<start + width * channels])
        }
        return PixelImage(format, width: width, height: height, pixels: part)
    }

    /// The middle of the picture.
    ///
    /// An odd margin is split as `round(margin / 2)` on the left and top, halves to even, as torchvision's
    /// `CenterCrop`.
    ///
    /// - Precondition: the picture is at least that large.
    package func centreCropped(width: Int, height: Int) -> PixelImage {
        func margin(_ whole: Int, _ part: Int) -> Int {
            Int((Double(whole - part) / 2).rounded(.toNearestOrEven))
        }
        return cropped(
            left: margin(self.width, width), top: margin(self.height, height), width: width, height: height)
    }

    /// Dark made bright and bright made dark.
    package func inverted() -> PixelImage {
        PixelImage(format, width: width, height: height, pixels: pixels.map { 255 - $0 })
    }
}
