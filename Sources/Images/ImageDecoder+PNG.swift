import CPNG
import Vocabulary

extension ImageDecoder {
    /// Decodes PNG of any colour type and depth, interlaced or not.
    ///
    /// Palettes are looked up, 16-bit channels are reduced to 8, and what is transparent is laid on white, as a page or
    /// a viewer shows it: a drawing in black on nothing would else vanish.
    ///
    /// - Source: libpng 1.6 manual, "The simplified API".
    static func decodePNG(_ bytes: Bytes, limits: ImageLimits) throws(ImageError) -> PixelImage {
        try bytes.withUnsafeBytes { (file) throws(ImageError) in
            var image = png_image()
            image.version = png_uint_32(PNG_IMAGE_VERSION)
            defer { png_image_free(&image) }
            guard png_image_begin_read_from_memory(&image, file.baseAddress, file.count) != 0 else {
                throw .malformedPNG(message(of: image))
            }
            let (width, height) = (Int(image.width), Int(image.height))
            try check(width: width, height: height, against: limits)
            let format: PixelImage.Format = image.format & PNG_FORMAT_FLAG_COLOR != 0 ? .rgb8 : .gray8
            image.format = format == .rgb8 ? PNG_FORMAT_RGB : 0
            // 16-bit files without a gamma are pictures like any other, not linear light.
            image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
            var pixels = [UInt8](repeating: 0, count: width * height * format.channelCount)
            var white = png_color(red: 255, green: 255, blue: 255)
            guard png_image_finish_read(&image, &white, &pixels, 0, nil) != 0 else {
                throw .malformedPNG(message(of: image))
            }
            return PixelImage(format, width: width, height: height, pixels: pixels)
        }
    }

    private static func message(of image: png_image) -> String {
        // A fixed array in the structure, always terminated by libpng.
        withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
