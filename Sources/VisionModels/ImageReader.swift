import Compute
import Images
import Models
import Vocabulary

/// Turns picture files into the elements of a model's input.
struct ImageReader {
    private let preprocessing: Preprocessing
    private let limits: ImageLimits
    private let width: Int
    private let height: Int

    /// Nil when the model does not take pictures and nobody said it does.
    init?(
        _ executor: ONNXExecutor, fileName: String, configuration: VisionModel.Configuration
    ) throws(VisionModelError) {
        let input = executor.inputs.first
        guard executor.takesSamples, executor.inputs.count == 1, let input, input.dataType == .float32,
            input.shape.count == 4, input.shape[1] == 1 || input.shape[1] == 3, input.shape[2] > 0, input.shape[3] > 0
        else {
            guard configuration.preprocessing == nil else { throw .noImageInput(file: fileName) }
            return nil
        }
        preprocessing = configuration.preprocessing ?? .plain(channelCount: input.shape[1])
        guard preprocessing.channels.count == input.shape[1] else {
            throw .channelMismatch(configured: preprocessing.channels.count, modelShape: input.shape)
        }
        limits = configuration.imageLimits
        height = input.shape[2]
        width = input.shape[3]
    }

    /// Decodes `file` into the `[1, channels, height, width]` elements of an input.
    ///
    /// - Returns: what is wrong with the file, nil when all is well.
    func read(_ file: Bytes, into elements: UnsafeMutableRawBufferPointer) -> String? {
        do {
            let image = try ImageDecoder.decode(file, limits: limits)
            try preprocessing.apply(
                to: image, width: width, height: height, into: elements.assumingMemoryBound(to: Float.self))
            return nil
        } catch {
            return "\(error)"
        }
    }
}
