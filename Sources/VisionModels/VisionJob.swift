import Compute
import Models
import Synchronization
import Vocabulary

/// One execution of a vision model: which sample belongs to which request, and the answers as they come in.
///
/// - Isolation: `fill` and `take` from several threads at once, each sample on one.
final class VisionJob {
    private struct Request {
        let input: InferenceInput
        let firstSample: Int
        let sampleCount: Int
        /// The picture files, when the request gives those.
        let images: [Bytes]?
        /// One block for each output.
        let results: [ValueBlock]
    }

    private let description: ModelDescription
    private let imageReader: ImageReader?
    private let requests: [Request]
    /// The request of each sample.
    private let requestOfSample: [Int]
    /// By request; the first bad picture counts.
    private let failures = Mutex<[Int: (image: Int, problem: String)]>([:])

    var sampleCount: Int { requestOfSample.count }

    /// - Precondition: every input passed `VisionModel.sampleCount(of:)`.
    init(_ batch: [InferenceInput], description: ModelDescription, imageReader: ImageReader?) {
        var requests: [Request] = []
        var requestOfSample: [Int] = []
        for input in batch {
            let images = imageReader == nil ? nil : input.tensor(VisionModel.encodedImageInput)?.byteElements
            let count = description.batchSizeMax == 0 ? 1 : images?.count ?? input.tensors[0].tensor.shape[0]
            requests.append(
                Request(
                    input: input, firstSample: requestOfSample.count, sampleCount: count, images: images,
                    results: description.outputs.map { ValueBlock(byteCount: Self.byteCount(of: $0) * count) }))
            requestOfSample += Array(repeating: requests.count - 1, count: count)
        }
        self.requests = requests
        self.requestOfSample = requestOfSample
        self.description = description
        self.imageReader = imageReader
    }

    /// Bytes of one sample.
    private static func byteCount(of tensor: TensorDescription) -> Int {
        tensor.shape.reduce(tensor.dataType.elementByteCount ?? 0) { $0 * ($1 == -1 ? 1 : $1) }
    }

    /// Writes the inputs of a sample; false when its picture cannot be read.
    func fill(_ sample: Int, _ inputs: [UnsafeMutableRawBufferPointer]) -> Bool {
        let index = requestOfSample[sample]
        let request = requests[index]
        let part = sample - request.firstSample
        if let images = request.images, let imageReader {
            guard let problem = imageReader.read(images[part], into: inputs[0]) else { return true }
            failures.withLock { failures in
                if part < failures[index]?.image ?? .max { failures[index] = (part, problem) }
            }
            return false
        }
        for (target, declared) in zip(inputs, description.inputs) where !target.isEmpty {
            request.input.tensor(declared.name)?.data.withUnsafeBytes { source in
                target.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[part * target.count..<(part + 1) * target.count]))
            }
        }
        return true
    }

    /// Keeps the outputs of a sample.
    func take(_ sample: Int, _ outputs: [UnsafeRawBufferPointer]) {
        let request = requests[requestOfSample[sample]]
        for (block, source) in zip(request.results, outputs) {
            guard let from = source.baseAddress else { continue }
            (block.base + (sample - request.firstSample) * source.count).copyMemory(
                from: from, byteCount: source.count)
        }
    }

    /// The answers, in the order of the batch.
    func results() -> [Result<InferenceOutput, ServingError>] {
        let failures = failures.withLock { $0 }
        return requests.indices.map { index in
            if let failure = failures[index] {
                return .failure(
                    ServingError(
                        .invalidArgument,
                        "image \(failure.image) of input '\(VisionModel.encodedImageInput)' for model "
                            + "'\(description.name)': \(failure.problem)",
                        label: "bad_image"))
            }
            return .success(InferenceOutput(tensors: tensors(of: requests[index])))
        }
    }

    private func tensors(of request: Request) -> [NamedTensor] {
        zip(description.outputs, request.results).map { declared, block in
            let shape = declared.shape.map { $0 == -1 ? request.sampleCount : $0 }
            let byteCount = Self.byteCount(of: declared) * request.sampleCount
            let data = Bytes(borrowing: UnsafeRawBufferPointer(start: block.base, count: byteCount), owner: block)
            guard let tensor = try? Tensor(declared.dataType, shape: shape, data: data) else {
                preconditionFailure("\(byteCount) bytes for \(declared.dataType) \(shape)")
            }
            return NamedTensor(declared.name, tensor)
        }
    }
}
