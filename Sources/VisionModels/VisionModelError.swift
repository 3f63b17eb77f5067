package import ModelFiles

/// Why a file and its configuration do not make a vision model.
package enum VisionModelError: Error, Equatable, CustomStringConvertible {
    /// The bytes are no ONNX model.
    case file(ONNXError)
    /// The graph cannot be run.
    case graph(ONNXGraphError)
    case preprocessing(PreprocessingError)
    /// Preprocessing makes another number of channels than the model's input has.
    case channelMismatch(configured: Int, modelShape: [Int])
    /// Preprocessing is configured, but the model does not take one float32 picture.
    case noImageInput(file: String)
    case labelCount(configured: Int, modelShape: [Int])
    case batchSizeMax(Int)

    package var description: String {
        switch self {
        case .file(let error): error.description
        case .graph(let error): error.description
        case .preprocessing(let error): error.description
        case .channelMismatch(let count, let shape):
            "preprocessing makes \(count) channels, but the model's input is \(shape)"
        case .noImageInput(let file):
            "\(file): preprocessing needs a model with one float32 input [-1, channels, height, width] of 1 or 3 "
                + "channels"
        case .labelCount(let count, let shape): "\(count) labels, but the model's first output is \(shape)"
        case .batchSizeMax(let size): "max_batch_size \(size) is not in 1 ... \(VisionModel.batchSizeLimit)"
        }
    }
}
