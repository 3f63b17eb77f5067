/// Why bytes are not a picture that we take.
package enum ImageError: Error, Equatable, CustomStringConvertible {
    case empty
    /// The first bytes belong to neither format.
    case unknownFormat
    case tooManyBytes(count: Int, maximum: Int)
    case tooManyPixels(width: Int, height: Int, maximum: Int)
    /// The decoder's own words, e.g. `Premature end of JPEG file`.
    case malformedJPEG(String)
    /// The decoder's own words, e.g. `IDAT: CRC error`.
    case malformedPNG(String)
    case outOfMemory

    package var description: String {
        switch self {
        case .empty: "the image has no bytes"
        case .unknownFormat: "the image is neither JPEG nor PNG"
        case .tooManyBytes(let count, let maximum): "the image has \(count) bytes, at most \(maximum) are accepted"
        case .tooManyPixels(let width, let height, let maximum):
            "the image has \(width) x \(height) pixels, at most \(maximum) are accepted"
        case .malformedJPEG(let reason): "the JPEG image cannot be decoded: \(reason)"
        case .malformedPNG(let reason): "the PNG image cannot be decoded: \(reason)"
        case .outOfMemory: "no memory to decode the image"
        }
    }
}
