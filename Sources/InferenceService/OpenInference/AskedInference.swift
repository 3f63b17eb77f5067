import Compute
import Engine
import Messages
import Models
import Routing
import Vocabulary

/// A `ModelInferRequest`, checked for everything that does not depend on the kind of its model, and the shape of its
/// response.
struct AskedInference {
    let selector: ModelSelector
    let description: ModelDescription
    let input: InferenceInput
    let parameters: RequestParameters
    private let id: String
    /// What is wanted of outputs beside their values.
    private let wishes: [String: OutputWish]

    /// - Throws: NOT_FOUND; INVALID_ARGUMENT naming the tensor or parameter, what was expected and what came.
    init(
        _ request: ModelInferRequest, _ service: OpenInferenceService, _ call: CallContext
    ) throws(ServingError) {
        let selector = try ModelSelector(name: request.modelName, version: request.modelVersion)
        try self.init(
            request, describedBy: service.engine.description(of: selector),
            memory: service.regions.map { SharedMemoryRegions.View(regions: $0, owner: call.tenant) })
    }

    /// As above, of a model that was found.
    init(
        _ request: ModelInferRequest, describedBy description: ModelDescription, memory: SharedMemoryRegions.View?
    ) throws(ServingError) {
        selector = try ModelSelector(name: request.modelName, version: request.modelVersion)
        self.description = description
        parameters = try RequestParameters(request.parameters, model: request.modelName)
        input = try request.inferenceInput(memory)
        id = request.id
        var wishes: [String: OutputWish] = [:]
        for output in request.outputs where !output.parameters.isEmpty {
            wishes[output.name] = try OutputWish(output, memory)
        }
        self.wishes = wishes
    }

    /// The response with an output of the model, all contents raw or in shared memory.
    ///
    /// - Throws: INVALID_ARGUMENT when an output cannot be what was asked for.
    func response(
        _ name: ModelName, _ version: ModelVersion, _ output: InferenceOutput
    ) throws(ServingError) -> ModelInferResponse {
        guard !wishes.isEmpty else {
            var response = ModelInferResponse(id: id, model: name, version: version, output: output)
            response.parameters = parameters.echoed
            return response
        }
        var tensors: [NamedTensor] = []
        let labelled = description.outputs.first?.name
        for tensor in output.tensors {
            guard let count = wishes[tensor.name]?.classCount else {
                tensors.append(tensor)
                continue
            }
            let classes = try OutputClasses(
                tensor, count: count, batches: description.hasBatchExtent,
                labels: tensor.name == labelled ? description.labels : [])
            tensors.append(NamedTensor(tensor.name, try classes.tensor()))
        }
        var response = ModelInferResponse(
            id: id, model: name, version: version, output: InferenceOutput(tensors: tensors))
        response.parameters = parameters.echoed
        for index in tensors.indices {
            guard let place = wishes[tensors[index].name]?.place else { continue }
            try place.take(tensors[index])
            response.outputs[index].parameters = place.parameters(byteCount: tensors[index].tensor.data.count)
            // Clients count on an entry for each output.
            response.rawOutputContents[index] = Bytes()
        }
        return response
    }
}

/// What is wanted of an output beside its values.
private struct OutputWish {
    /// So many of its highest values instead of all.
    var classCount: Int?
    /// Where it is to be written.
    var place: SharedMemoryRegions.Place?

    init(
        _ output: ModelInferRequest.InferRequestedOutputTensor, _ memory: SharedMemoryRegions.View?
    ) throws(ServingError) {
        switch output.parameters["classification"]?.parameterChoice {
        case nil: break
        case .int64Param(let count)? where count >= 0: classCount = count > 0 ? Int(count) : nil
        case .uint64Param(let count)? where count <= Int.max: classCount = count > 0 ? Int(count) : nil
        case _?:
            throw ServingError(
                .invalidArgument,
                "invalid value for 'classification' parameter for output '\(output.name.shown())', expected an "
                    + "int64_param that is not negative.")
        }
        place = try memory.place(output.parameters, tensor: "output '\(output.name.shown())'")
        if let place, let classCount {
            throw ServingError(
                .invalidArgument,
                "shared memory can't be set on classification output: \(classCount) classes in '\(place.name)'")
        }
    }
}

extension SharedMemoryRegions.View? {
    /// The place that the parameters of a tensor name; nil when they name none.
    ///
    /// - Throws: as `SharedMemoryRegions.place`; INVALID_ARGUMENT for a name where shared memory is off.
    func place(
        _ parameters: [String: InferParameter], tensor: String
    ) throws(ServingError) -> SharedMemoryRegions.Place? {
        guard parameters["shared_memory_region"] != nil else { return nil }
        guard let self else {
            throw ServingError(
                .invalidArgument, "\(tensor) is in shared memory, which is off on this server",
                label: "shared_memory_off")
        }
        return try self.place(parameters, tensor: tensor)
    }
}

extension SharedMemoryRegions.Place {
    /// The bytes there.
    ///
    /// - Throws: INVALID_ARGUMENT when the object became shorter than it was.
    func bytes() throws(ServingError) -> Bytes {
        guard let bytes = region.read(range) else { throw shrunk }
        return bytes
    }

    /// Writes the contents of an output there.
    ///
    /// - Throws: INVALID_ARGUMENT when they do not fit.
    fileprivate func take(_ output: NamedTensor) throws(ServingError) {
        let data = output.tensor.data
        guard data.count <= range.count else {
            throw ServingError(
                .invalidArgument,
                "shared memory size specified with the request for output '\(output.name)' (\(range.count) bytes) "
                    + "should be at least \(data.count) bytes to hold the results", label: "bad_shared_memory")
        }
        guard region.write(data, at: range.lowerBound) else { throw shrunk }
    }

    /// What the response says of an output that is there.
    fileprivate func parameters(byteCount: Int) -> [String: InferParameter] {
        [
            "shared_memory_region": InferParameter(parameterChoice: .stringParam(name)),
            "shared_memory_byte_size": InferParameter(parameterChoice: .int64Param(Int64(byteCount))),
            "shared_memory_offset": InferParameter(parameterChoice: .int64Param(Int64(range.lowerBound))),
        ]
    }

    private var shrunk: ServingError {
        ServingError(
            .invalidArgument, "shared memory region '\(name)' is shorter than when it was registered",
            label: "bad_shared_memory")
    }
}
