package import Compute
package import Images
package import ModelFiles
package import Models
package import Vocabulary

/// An ONNX graph served as a model: tensors in, or picture files that are decoded and preprocessed here.
///
/// A request gives either the graph's inputs or one BYTES tensor `encoded_image` of shape `[n]`, each element a JPEG or
/// PNG file. Both kinds may share an execution.
///
/// - Isolation: `description` and `sampleCount(of:)` from any thread, all else on the engine thread.
package final class VisionModel: BatchModel {
    /// What a model's configuration says beyond the graph.
    package struct Configuration: Sendable {
        package var name: ModelName
        package var version: ModelVersion
        /// Most samples in one execution.
        package var batchSizeMax = 8
        /// Names of the classes, one for each element of the last axis of the first output; may be empty.
        package var labels: [String] = []
        /// How pictures become tensors; nil for `Preprocessing.plain` where the model takes pictures.
        package var preprocessing: Preprocessing?
        package var imageLimits = ImageLimits()
        /// Extents of inputs that the file leaves free, per sample: `[channels, height, width]` by input name.
        package var sampleShapes: [String: [Int]] = [:]

        package init(name: ModelName, version: ModelVersion) {
            self.name = name
            self.version = version
        }
    }

    package nonisolated let description: ModelDescription
    /// The name of the input for picture files.
    package static let encodedImageInput = "encoded_image"
    /// The largest `batchSizeMax`.
    package static let batchSizeLimit = 4096

    private let executor: ONNXExecutor
    /// How picture files are read; nil when the model does not take pictures.
    private let imageReader: ImageReader?

    /// Loads a model file; `fileName` is what error messages call it.
    package convenience init(
        file bytes: Bytes, fileName: String, configuration: Configuration
    ) throws(VisionModelError) {
        let model: ONNXModel
        do {
            model = try ONNXModel(file: bytes, fileName: fileName)
        } catch {
            throw .file(error)
        }
        try self.init(model, configuration: configuration)
    }

    /// Compiles `model`.
    package init(_ model: ONNXModel, configuration: Configuration) throws(VisionModelError) {
        guard (1...Self.batchSizeLimit).contains(configuration.batchSizeMax) else {
            throw .batchSizeMax(configuration.batchSizeMax)
        }
        let executor: ONNXExecutor
        do {
            executor = try ONNXExecutor(model, inputShapes: configuration.sampleShapes.mapValues { [1] + $0 })
        } catch {
            throw .graph(error)
        }
        self.executor = executor
        imageReader = try ImageReader(executor, fileName: model.fileName, configuration: configuration)
        func served(_ declared: TensorDescription) -> TensorDescription {
            guard executor.takesSamples else { return declared }
            return TensorDescription(declared.name, declared.dataType, shape: [-1] + declared.shape.dropFirst())
        }
        let labels = configuration.labels
        if !labels.isEmpty, labels.count != executor.outputs[0].shape.last {
            throw .labelCount(configured: labels.count, modelShape: executor.outputs[0].shape)
        }
        description = ModelDescription(
            name: configuration.name, version: configuration.version, modality: .vision, platform: "apus_onnx",
            inputs: executor.inputs.map(served), outputs: executor.outputs.map(served),
            batchSizeMax: executor.takesSamples ? configuration.batchSizeMax : 0, labels: labels,
            scoreKind: model.graph.scoreKind)
    }

    package func warmUp(on gang: ComputeGang) throws {
        try executor.prepare(for: gang)
        // Once alone, which touches the weights, and once with a sample for each thread.
        for sampleCount in [1, gang.threadCount] {
            try executor.run(sampleCount: sampleCount, on: gang, fill: { _, _ in true }, take: { _, _ in })
        }
    }

    package nonisolated func batchKey(of input: InferenceInput) -> BatchKey { .any }

    package nonisolated func sampleCount(of input: InferenceInput) throws(ServingError) -> Int {
        guard let images = input.tensor(Self.encodedImageInput), imageReader != nil else {
            return try description.checkedSampleCount(of: input)
        }
        let expected = "input '\(Self.encodedImageInput)' for model '\(description.name)'"
        guard input.tensors.count == 1 else {
            throw ServingError(.invalidArgument, "\(expected) has to be the only input of its request")
        }
        guard images.dataType == .bytes else {
            throw ServingError(
                .invalidArgument,
                "unexpected data-type for \(expected). Expected BYTES, got \(images.dataType.wireName)")
        }
        guard images.shape.count == 1 || (images.shape.count == 2 && images.shape[1] == 1) else {
            let shape = images.shape.map(String.init).joined(separator: ",")
            throw ServingError(.invalidArgument, "unexpected shape for \(expected). Expected [-1], got [\(shape)]")
        }
        return try description.checkedSampleCount(images.shape[0])
    }

    package func execute(
        _ batch: [InferenceInput], on gang: ComputeGang
    ) -> [Result<InferenceOutput, ServingError>] {
        let job = VisionJob(batch, description: description, imageReader: imageReader)
        do {
            try executor.run(
                sampleCount: job.sampleCount, on: gang,
                fill: { sample, inputs in job.fill(sample, inputs) },
                take: { sample, outputs in job.take(sample, outputs) })
        } catch {
            let refusal = ServingError(
                .resourceExhausted, "model '\(description.name)': \(error)", label: "out_of_memory")
            return batch.map { _ in .failure(refusal) }
        }
        return job.results()
    }
}

extension ONNXGraph {
    /// Whether the first output comes straight out of a softmax, as some exporters leave it and others do not.
    fileprivate var scoreKind: ScoreKind {
        let last = nodes.last { $0.outputs.first == outputs.first?.name }
        return last?.operatorType == "Softmax" ? .probabilities : .logits
    }
}
