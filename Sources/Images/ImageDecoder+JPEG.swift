import CTurboJPEG
import Vocabulary

extension ImageDecoder {
    /// Decodes baseline and progressive JPEG in gray, YCbCr, RGB, CMYK and YCCK.
    ///
    /// - Source: TurboJPEG 2.1 API, `tjDecompressHeader3` and `tjDecompress2`.
    static func decodeJPEG(_ bytes: Bytes, limits: ImageLimits) throws(ImageError) -> PixelImage {
        try bytes.withUnsafeBytes { (file) throws(ImageError) in
            let decompressor = try JPEGDecompressor(file)
            try check(width: decompressor.width, height: decompressor.height, against: limits)
            return try decompressor.image()
        }
    }
}

/// One `tjhandle` and the header of the file it reads.
private struct JPEGDecompressor: ~Copyable {
    private let handle: tjhandle
    private let file: UnsafeRawBufferPointer
    let width: Int
    let height: Int
    private let colorspace: Int32

    init(_ file: UnsafeRawBufferPointer) throws(ImageError) {
        guard let handle = tjInitDecompress() else { throw .outOfMemory }
        var width: Int32 = 0
        var height: Int32 = 0
        var subsampling: Int32 = 0
        var colorspace: Int32 = 0
        let result = tjDecompressHeader3(
            handle, file.bindMemory(to: UInt8.self).baseAddress, UInt(file.count), &width, &height, &subsampling,
            &colorspace)
        // A handle is not freed by a throwing initialiser of its owner.
        guard result == 0, width > 0, height > 0 else {
            let error = ImageError.malformedJPEG(Self.message(of: handle))
            tjDestroy(handle)
            throw error
        }
        self.handle = handle
        self.file = file
        self.width = Int(width)
        self.height = Int(height)
        self.colorspace = colorspace
    }

    deinit { tjDestroy(handle) }

    func image() throws(ImageError) -> PixelImage {
        switch colorspace {
        case Int32(TJCS_GRAY.rawValue):
            return PixelImage(.gray8, width: width, height: height, pixels: try pixels(TJPF_GRAY, channelCount: 1))
        case Int32(TJCS_CMYK.rawValue), Int32(TJCS_YCCK.rawValue):
            let inks = try pixels(TJPF_CMYK, channelCount: 4)
            return PixelImage(.rgb8, width: width, height: height, pixels: Self.rgb(fromInvertedCMYK: inks))
        default:
            return PixelImage(.rgb8, width: width, height: height, pixels: try pixels(TJPF_RGB, channelCount: 3))
        }
    }

    private func pixels(_ format: TJPF, channelCount: Int) throws(ImageError) -> [UInt8] {
        var pixels = [UInt8](repeating: 0, count: width * height * channelCount)
        // A file of many empty scans would cost minutes otherwise.
        let flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS
        let result = tjDecompress2(
            handle, file.bindMemory(to: UInt8.self).baseAddress, UInt(file.count), &pixels, Int32(width), 0,
            Int32(height), Int32(format.rawValue), flags)
        guard result == 0 || isHarmlessWarning else { throw .malformedJPEG(Self.message(of: handle)) }
        return pixels
    }

    /// Whether the picture is whole all the same: some cameras leave stray bytes before the end marker.
    ///
    /// Any other warning means that part of the picture is made up.
    private var isHarmlessWarning: Bool {
        tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue)
            && Self.message(of: handle).contains("extraneous bytes before marker")
    }

    private static func message(of handle: tjhandle) -> String {
        // "error message associated with the last function"; never null for a live handle.
        String(cString: tjGetErrorStr2(handle))
    }

    /// The programs that write four-channel JPEG store each ink as 255 minus its amount, so light is the product.
    private static func rgb(fromInvertedCMYK inks: [UInt8]) -> [UInt8] {
        let pixelCount = inks.count / 4
        var pixels = [UInt8](repeating: 0, count: pixelCount * 3)
        for pixel in 0..<pixelCount {
            let black = Int(inks[pixel * 4 + 3])
            for channel in 0..<3 {
                pixels[pixel * 3 + channel] = UInt8((Int(inks[pixel * 4 + channel]) * black + 127) / 255)
            }
        }
        return pixels
    }
}
