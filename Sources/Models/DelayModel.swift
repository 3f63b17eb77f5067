package import Compute
import Glibc
package import Vocabulary

/// The built-in model `delay`: gives every tensor back after a fixed time, during which it holds the engine as a model
/// that computes would.
///
/// One execution takes the same time however many samples are in it, so batching is visible in throughput. Tensors are
/// `[batch, …]`, all with the same first extent.
package final class DelayModel: BatchModel {
    package let description: ModelDescription
    private let delayNanoseconds: UInt64

    /// - Precondition: `delayMilliseconds`, the time of one execution, is in `0 ... 60_000`.
    package init(name: ModelName, version: ModelVersion, batchSizeMax: Int, delayMilliseconds: Int) {
        precondition((0...60_000).contains(delayMilliseconds), "delay of \(delayMilliseconds) ms")
        description = ModelDescription(
            name: name, version: version, modality: .tensor, platform: "apus_delay", inputs: [], outputs: [],
            batchSizeMax: batchSizeMax)
        delayNanoseconds = UInt64(delayMilliseconds) * 1_000_000
    }

    package func warmUp(on gang: ComputeGang) {}

    package func sampleCount(of input: InferenceInput) throws(ServingError) -> Int {
        try requireTensors(input, model: description.name)
        guard description.batchSizeMax > 0 else { return 1 }
        let first = input.tensors[0]
        for tensor in input.tensors {
            guard let extent = tensor.tensor.shape.first else {
                throw ServingError(
                    .invalidArgument,
                    "unexpected shape for input '\(tensor.name.shown())' for model '\(description.name)'. Expected "
                        + "[-1,...], got []")
            }
            guard extent == first.tensor.shape[0] else {
                throw ServingError(
                    .invalidArgument,
                    "input '\(tensor.name.shown())' has batch size \(extent), but another input of the request has "
                        + "\(first.tensor.shape[0]) for model '\(description.name)'")
            }
        }
        return try description.checkedSampleCount(first.tensor.shape[0])
    }

    package func batchKey(of input: InferenceInput) -> BatchKey { .any }

    package func execute(
        _ batch: [InferenceInput], on gang: ComputeGang
    ) -> [Result<InferenceOutput, ServingError>] {
        occupyThread()
        return batch.map { .success(InferenceOutput(tensors: $0.tensors)) }
    }

    /// Sleeps, going on after a signal with what is left: the engine is held, the core is free.
    private func occupyThread() {
        var left = timespec(
            tv_sec: Int(delayNanoseconds / 1_000_000_000), tv_nsec: Int(delayNanoseconds % 1_000_000_000))
        var rest = timespec()
        while nanosleep(&left, &rest) != 0 && errno == EINTR { left = rest }
    }
}
