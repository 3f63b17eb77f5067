import Compute
import Dispatch
import Models
import Routing
import Synchronization
import Vocabulary

@testable import Engine

/// A gate that the engine thread stops at until the test opens it.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let arrivals = Atomic<Int>(0)

    /// How often the engine thread has come here.
    var arrivalCount: Int { arrivals.load(ordering: .acquiring) }

    func pass() {
        arrivals.add(1, ordering: .acquiringAndReleasing)
        semaphore.wait()
    }

    /// Lets the engine pass `count` times, now or later.
    func open(_ count: Int = 1) {
        for _ in 0..<count { semaphore.signal() }
    }
}

/// Squares the numbers of its one input `x` `[batch]` and stops at a gate; 13 is a number it cannot square.
final class SquareModel: BatchModel {
    let description: ModelDescription
    private let gate: Gate?
    private let warmUpError: String?

    init(
        _ name: String = "square", version: Int = 1, batchSizeMax: Int = 8, gate: Gate? = nil,
        warmUpError: String? = nil
    ) {
        description = ModelDescription(
            name: ModelName(name)!, version: ModelVersion(version)!, modality: .tensor, platform: "test_square",
            inputs: [TensorDescription("x", .float32, shape: [-1])],
            outputs: [TensorDescription("y", .float32, shape: [-1]), TensorDescription("z", .float32, shape: [-1])],
            batchSizeMax: batchSizeMax)
        self.gate = gate
        self.warmUpError = warmUpError
    }

    func warmUp(on gang: ComputeGang) throws {
        if let warmUpError { throw ServingError(.internal, warmUpError) }
    }

    func sampleCount(of input: InferenceInput) throws(ServingError) -> Int {
        try description.checkedSampleCount(of: input)
    }

    func execute(_ batch: [InferenceInput], on gang: ComputeGang) -> [Result<InferenceOutput, ServingError>] {
        gate?.pass()
        return batch.map { input in
            let numbers = input.tensor("x")!.array(of: Float.self)
            if numbers.contains(13) { return .failure(ServingError(.internal, "13 is not to be squared")) }
            do {
                return .success(
                    InferenceOutput(tensors: [
                        NamedTensor("y", try Tensor(numbers.map { $0 * $0 }, shape: [numbers.count])),
                        NamedTensor("z", try Tensor(numbers.map { -$0 }, shape: [numbers.count])),
                    ]))
            } catch {
                return .failure(ServingError(.internal, "\(error)"))
            }
        }
    }
}

func numbers(_ values: [Float], outputs: [String] = []) throws -> InferenceInput {
    InferenceInput(
        tensors: [NamedTensor("x", try Tensor(values, shape: [values.count]))], requestedOutputs: outputs)
}

extension InferenceAnswer {
    var squares: [Float] { output.tensor("y")?.array(of: Float.self) ?? [] }
}

func selector(_ name: String, version: Int? = nil) -> ModelSelector {
    ModelSelector(name: ModelName(name)!, version: version.map { ModelVersion($0)! })
}

func makeEngine(
    clock: any MonotonicClock = SystemClock(), threadCount: Int = 1, bufferedTokenCountMax: Int = 32
) -> Engine {
    Engine(
        configuration: EngineConfiguration(threadCount: threadCount, bufferedTokenCountMax: bufferedTokenCountMax),
        clock: clock)
}
