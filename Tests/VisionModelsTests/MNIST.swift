import TestSupport
import Vocabulary

/// The MNIST test set.
enum MNIST {
    struct Digit {
        /// `[28, 28]`, 0 for paper, 255 for ink.
        let pixels: [UInt8]
        let label: Int
    }

    /// The first digits of the set.
    static func testDigits(count: Int) throws -> [Digit] {
        let images = try gunzipped(SharedData.url("vision-mnist/t10k-images-idx3-ubyte.gz"))
        let labels = try gunzipped(SharedData.url("vision-mnist/t10k-labels-idx1-ubyte.gz"))
        return (0..<count).map { index in
            Digit(pixels: images[16 + index * 784..<16 + (index + 1) * 784].array, label: Int(labels[8 + index]))
        }
    }
}
