import CPNG
import CTurboJPEG
import Images
import Vocabulary

/// A picture with a different value in every pixel and channel, smooth enough for JPEG.
func gradient(_ format: PixelImage.Format, width: Int, height: Int) -> PixelImage {
    let channels = format.channelCount
    let pixels = (0..<width * height * channels).map { index -> UInt8 in
        let (pixel, channel) = index.quotientAndRemainder(dividingBy: channels)
        let (y, x) = pixel.quotientAndRemainder(dividingBy: width)
        return UInt8((x * 3 + y * 2 + channel * 40) % 200 + 20)
    }
    return PixelImage(format, width: width, height: height, pixels: pixels)
}

/// `pixels` as a PNG file; `format` is one of libpng's simplified formats, such as `PNG_FORMAT_RGB`.
func pngFile(_ pixels: [UInt8], format: UInt32, width: Int, height: Int) -> Bytes {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = format
    var size = 1 << 20
    var file = [UInt8](repeating: 0, count: size)
    let result = png_image_write_to_memory(&image, &file, &size, 0, pixels, 0, nil)
    precondition(result != 0, "libpng did not write the test picture")
    return Bytes(file[..<size])
}

func pngFile(_ image: PixelImage) -> Bytes {
    pngFile(
        image.pixels, format: image.format == .gray8 ? 0 : PNG_FORMAT_RGB, width: image.width, height: image.height)
}

/// `image` as a JPEG file of the highest quality.
func jpegFile(_ image: PixelImage, isProgressive: Bool = false) -> Bytes {
    let (format, sampling) = image.format == .gray8 ? (TJPF_GRAY, TJSAMP_GRAY) : (TJPF_RGB, TJSAMP_444)
    return jpegFile(
        image.pixels, format: format, sampling: sampling, width: image.width, height: image.height,
        flags: isProgressive ? TJFLAG_PROGRESSIVE : 0)
}

func jpegFile(
    _ pixels: [UInt8], format: TJPF, sampling: TJSAMP, width: Int, height: Int, flags: Int32 = 0
) -> Bytes {
    let handle = tjInitCompress()
    defer { tjDestroy(handle) }
    var data: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    let result = tjCompress2(
        handle, pixels, Int32(width), 0, Int32(height), Int32(format.rawValue), &data, &size,
        Int32(sampling.rawValue), 100, flags | TJFLAG_ACCURATEDCT)
    defer { tjFree(data) }
    precondition(result == 0, "TurboJPEG did not write the test picture")
    return Bytes(UnsafeBufferPointer(start: data, count: Int(size)))
}
