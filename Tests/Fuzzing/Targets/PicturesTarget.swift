import CPNG
import CTurboJPEG
import Images
import Vocabulary

extension FuzzTarget {
    /// The file of a picture into its decoder, and its pixels through what is done before a model sees them.
    static let pictures = FuzzTarget("pictures", inputByteCountMax: 16_384, seeds: { PictureSeeds.all }) { input in
        let limits = ImageLimits(byteCountMax: 8192, pixelCountMax: 1 << 14)
        let file = Bytes(copying: input)
        guard let image = try? ImageDecoder.decode(file, limits: limits) else { return }
        try require(file.count <= limits.byteCountMax, "a file of \(file.count) bytes was decoded")
        try require(
            image.width * image.height <= limits.pixelCountMax, "\(image.width) x \(image.height) pixels were decoded")
        try require(image.inverted().inverted() == image, "inverted twice it is another picture")
        for format in [PixelImage.Format.gray8, .rgb8] {
            let sized = image.converted(to: format).resized(width: 28, height: 9)
            try require((sized.width, sized.height) == (28, 9), "resized to \(sized.width) x \(sized.height)")
        }
        if max(image.width, image.height) <= 100 * min(image.width, image.height) {
            let sized = image.resized(shorterSide: 20)
            try require(min(sized.width, sized.height) == 20, "the shorter side is not 20")
            _ = sized.centreCropped(width: 20, height: 20)
        }
    }
}

/// A picture for requests.
enum FuzzPicture {
    static var png: [UInt8] { PictureSeeds.all.first { $0.name == "png-gray" }?.bytes ?? [] }
}

/// Small pictures of every kind that the two libraries write by themselves.
private enum PictureSeeds {
    static let all: [(name: String, bytes: [UInt8])] =
        [
            ("jpeg-colour", jpeg(TJSAMP_444, flags: 0)), ("jpeg-420", jpeg(TJSAMP_420, flags: 0)),
            ("jpeg-gray", jpeg(TJSAMP_GRAY, flags: 0)),
            ("jpeg-progressive", jpeg(TJSAMP_420, flags: TJFLAG_PROGRESSIVE)),
            ("png-colour", png(PNG_FORMAT_RGB)), ("png-gray", png(0)),
            ("png-alpha", png(PNG_FORMAT_RGB | PNG_FORMAT_FLAG_ALPHA)),
            ("png-linear", png(PNG_FORMAT_RGB | PNG_FORMAT_FLAG_LINEAR)),
        ]

    private static let (width, height) = (12, 7)

    private static func pixels(_ byteCount: Int) -> [UInt8] { (0..<byteCount).map { UInt8($0 * 37 % 251) } }

    private static func jpeg(_ sampling: TJSAMP, flags: Int32) -> [UInt8] {
        guard let handle = tjInitCompress() else { return [] }
        defer { tjDestroy(handle) }
        var start: UnsafeMutablePointer<UInt8>?
        var byteCount: UInt = 0
        defer { tjFree(start) }
        let result = tjCompress2(
            handle, pixels(width * height * 3), Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &start,
            &byteCount, Int32(sampling.rawValue), 60, flags)
        return result == 0 ? Array(UnsafeBufferPointer(start: start, count: Int(byteCount))) : []
    }

    private static func png(_ format: UInt32) -> [UInt8] {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(width)
        image.height = png_uint_32(height)
        image.format = format
        var file = [UInt8](repeating: 0, count: 8192)
        var byteCount = file.count
        // Eight bytes a pixel are the most there are.
        let source = pixels(width * height * 8)
        guard png_image_write_to_memory(&image, &file, &byteCount, 0, source, 0, nil) != 0 else { return [] }
        return Array(file[..<byteCount])
    }
}
