package import Vocabulary

/// What a decoder accepts, checked before it allocates anything.
package struct ImageLimits: Sendable, Equatable {
    /// Bytes of the file.
    package var byteCountMax: Int
    /// Width times height.
    ///
    /// A progressive JPEG takes up to 9 bytes of memory a pixel while it is decoded.
    package var pixelCountMax: Int

    package init(byteCountMax: Int = 32 << 20, pixelCountMax: Int = 32 << 20) {
        self.byteCountMax = byteCountMax
        self.pixelCountMax = pixelCountMax
    }
}

/// Turns JPEG and PNG files into pixels.
///
/// The format is told by the first bytes. Colour files give RGB, gray files give gray. What is in a file besides pixels
/// (colour profiles, Exif orientation, animation) is ignored, as the usual training pipelines do.
package enum ImageDecoder {
    /// Decodes one file.
    ///
    /// - Throws: `ImageError`; a file that ends early or is damaged gives an error, never part of a picture.
    /// - Isolation: any thread.
    package static func decode(
        _ bytes: Bytes, limits: ImageLimits = ImageLimits()
    ) throws(ImageError) -> PixelImage {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= limits.byteCountMax else {
            throw .tooManyBytes(count: bytes.count, maximum: limits.byteCountMax)
        }
        if hasPrefix(bytes, jpegMagic) { return try decodeJPEG(bytes, limits: limits) }
        if hasPrefix(bytes, pngMagic) { return try decodePNG(bytes, limits: limits) }
        throw .unknownFormat
    }

    /// Checks sizes from a header.
    static func check(width: Int, height: Int, against limits: ImageLimits) throws(ImageError) {
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, count <= limits.pixelCountMax else {
            throw .tooManyPixels(width: width, height: height, maximum: limits.pixelCountMax)
        }
    }

    /// Start of image, and the first byte of the marker after it.
    private static let jpegMagic: [UInt8] = [0xff, 0xd8, 0xff]
    private static let pngMagic: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    private static func hasPrefix(_ bytes: Bytes, _ prefix: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { $0.starts(with: prefix) }
    }
}
