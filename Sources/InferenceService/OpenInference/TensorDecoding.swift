import Compute
import Messages
import Models
import Vocabulary

extension ModelInferRequest {
    /// So many inputs, and outputs that are asked for, there may be: no model has as many, and each is looked for.
    private static let tensorCountMax = 1024

    /// The tensors of this request, checked for everything that does not depend on the model's shapes.
    ///
    /// Contents come either all in `raw_input_contents`, one entry an input, or all in the typed fields of the inputs;
    /// raw contents are shared with the request, not copied. An input that is in shared memory has neither.
    ///
    /// - Parameter memory: what of shared memory the caller may name; nil where that is off.
    /// - Returns: the tensors, and the names of the outputs that are wanted.
    /// - Throws: INVALID_ARGUMENT naming the input, what was expected and what came; NOT_FOUND for a region that is not
    ///   registered.
    /// - Source: Open Inference Protocol, "Inference"; Triton's handling of `raw_input_contents`.
    func inferenceInput(_ memory: SharedMemoryRegions.View? = nil) throws(ServingError) -> InferenceInput {
        try Self.require(inputs.count, "inputs", of: modelName)
        try Self.require(outputs.count, "requested outputs", of: modelName)
        let usesRawContents = !rawInputContents.isEmpty
        var names: Set<String> = []
        var tensors: [NamedTensor] = []
        tensors.reserveCapacity(inputs.count)
        var rawCount = 0
        var sharedByteCount = 0
        for input in inputs {
            guard names.insert(input.name).inserted else {
                throw invalid("input '\(input.name.shown())' already exists in request")
            }
            if !input.parameters.isEmpty,
                let place = try memory.place(input.parameters, tensor: "input '\(input.name.shown())'")
            {
                guard input.contents == nil else {
                    throw invalid(
                        "unexpected explicit tensor data for input tensor '\(input.name.shown())' for model "
                            + "'\(modelName)', shared memory was already specified.")
                }
                try requireRoom(for: place, input, memory, &sharedByteCount)
                tensors.append(NamedTensor(input.name, try tensor(input, raw: try place.bytes())))
                continue
            }
            if usesRawContents {
                guard input.contents == nil else {
                    throw invalid(
                        "contents field must not be specified when using raw_input_contents for "
                            + "'\(input.name.shown())' for model '\(modelName)'")
                }
                guard rawCount < rawInputContents.count else {
                    throw invalid(
                        "unable to find data for input tensor '\(input.name.shown())' for model '\(modelName)' in "
                            + "request.")
                }
            }
            let raw = usesRawContents ? rawInputContents[rawCount] : nil
            rawCount += 1
            tensors.append(NamedTensor(input.name, try tensor(input, raw: raw)))
        }
        if usesRawContents, rawInputContents.count > rawCount {
            throw invalid(
                "expected \(rawCount) raw_input_contents for model '\(modelName)', got \(rawInputContents.count)")
        }
        return InferenceInput(tensors: tensors, requestedOutputs: try requestedOutputs())
    }

    /// Checks that a place is as large as the tensor, and that all places together are no larger than a message, before
    /// memory is taken for what they hold.
    private func requireRoom(
        for place: SharedMemoryRegions.Place, _ input: InferInputTensor, _ memory: SharedMemoryRegions.View?,
        _ sharedByteCount: inout Int
    ) throws(ServingError) {
        if let size = DataType(wireName: input.datatype)?.elementByteCount {
            var expected = size
            for extent in input.extents {
                let (product, overflow) = expected.multipliedReportingOverflow(by: extent)
                expected = overflow || extent < 0 ? -1 : product
                if expected < 0 { break }
            }
            guard place.range.count == expected else {
                throw invalid(
                    "input '\(input.name.shown())' for model '\(modelName)' has \(max(0, expected)) bytes by its "
                        + "shape and type, and 'shared_memory_byte_size' says \(place.range.count)")
            }
        }
        sharedByteCount += place.range.count
        let limit = memory?.regions.requestByteCountMax ?? 0
        guard sharedByteCount <= limit else {
            throw ServingError(
                .resourceExhausted,
                "the inputs in shared memory have \(sharedByteCount) bytes, more than the \(limit) of a message",
                label: "shared_memory_too_large")
        }
    }

    private func requestedOutputs() throws(ServingError) -> [String] {
        var names: Set<String> = []
        for output in outputs where !names.insert(output.name).inserted {
            throw invalid("output '\(output.name)' already exists in request")
        }
        return outputs.map(\.name)
    }

    private static func require(_ count: Int, _ what: String, of model: String) throws(ServingError) {
        guard count > tensorCountMax else { return }
        throw ServingError(
            .invalidArgument,
            "expected at most \(tensorCountMax) \(what) for model '\(model.shown())', got \(count)",
            label: "too_many_tensors")
    }

    private func tensor(_ input: InferInputTensor, raw: Bytes?) throws(ServingError) -> Tensor {
        guard let dataType = DataType(wireName: input.datatype) else {
            let known = DataType.allCases.map(\.wireName).joined(separator: ", ")
            throw invalid(
                "unexpected datatype for input '\(input.name.shown())' for model '\(modelName)'. Expected one of "
                    + "\(known), got '\(input.datatype.shown(byteCountMax: 32))'")
        }
        do {
            if let raw { return try Tensor(dataType, shape: input.extents, data: raw) }
            let contents = input.contents ?? InferTensorContents()
            guard let data = contents.packed(as: dataType) else {
                throw invalid(
                    "contents of input '\(input.name.shown())' for model '\(modelName)' do not fit "
                        + "\(dataType.wireName): values are in the field of another type, or out of range; FP16 and "
                        + "BF16 come in raw_input_contents")
            }
            return try Tensor(dataType, shape: input.extents, data: data)
        } catch let error as TensorError {
            throw invalid("input '\(input.name.shown())' for model '\(modelName)': \(error)")
        } catch let error as ServingError {
            throw error
        } catch {
            preconditionFailure("unexpected \(error)")
        }
    }

    private func invalid(_ message: String) -> ServingError { ServingError(.invalidArgument, message) }
}

extension ModelInferRequest.InferInputTensor {
    fileprivate var extents: [Int] { shape.map(Int.init) }
}

extension InferTensorContents {
    /// The values of the one field that belongs to `dataType`, as the tensor stores them.
    ///
    /// - Returns: nil when another field has values, a value does not fit, or the type has no field (FP16, BF16).
    fileprivate func packed(as dataType: DataType) -> Bytes? {
        guard fieldsWithValues.isSubset(of: [dataType.contentsField].compactMap(\.self)) else { return nil }
        switch dataType {
        case .bool: return pack(boolContents.map { UInt8($0 ? 1 : 0) })
        case .int8: return narrowed(intContents, to: Int8.self)
        case .int16: return narrowed(intContents, to: Int16.self)
        case .int32: return pack(intContents)
        case .int64: return pack(int64Contents)
        case .uint8: return narrowed(uintContents, to: UInt8.self)
        case .uint16: return narrowed(uintContents, to: UInt16.self)
        case .uint32: return pack(uintContents)
        case .uint64: return pack(uint64Contents)
        case .float32: return pack(fp32Contents)
        case .float64: return pack(fp64Contents)
        case .bytes: return try? Tensor(elements: bytesContents, shape: [bytesContents.count]).data
        case .float16, .bfloat16: return nil
        }
    }

    private var fieldsWithValues: Set<ContentsField> {
        var fields: Set<ContentsField> = []
        if !boolContents.isEmpty { fields.insert(.bool) }
        if !intContents.isEmpty { fields.insert(.int) }
        if !int64Contents.isEmpty { fields.insert(.int64) }
        if !uintContents.isEmpty { fields.insert(.uint) }
        if !uint64Contents.isEmpty { fields.insert(.uint64) }
        if !fp32Contents.isEmpty { fields.insert(.fp32) }
        if !fp64Contents.isEmpty { fields.insert(.fp64) }
        if !bytesContents.isEmpty { fields.insert(.bytes) }
        return fields
    }

    private func pack<Element: BitwiseCopyable>(_ elements: [Element]) -> Bytes {
        elements.withUnsafeBytes { Bytes(copying: $0) }
    }

    private func narrowed<Wide: BinaryInteger, Narrow: FixedWidthInteger & BitwiseCopyable>(
        _ elements: [Wide], to type: Narrow.Type
    ) -> Bytes? {
        let narrow = elements.compactMap { Narrow(exactly: $0) }
        return narrow.count == elements.count ? pack(narrow) : nil
    }
}

/// The fields of `InferTensorContents`.
private enum ContentsField {
    case bool, int, int64, uint, uint64, fp32, fp64, bytes
}

extension DataType {
    /// The field that carries values of this type; nil when they only come raw.
    fileprivate var contentsField: ContentsField? {
        switch self {
        case .bool: .bool
        case .int8, .int16, .int32: .int
        case .int64: .int64
        case .uint8, .uint16, .uint32: .uint
        case .uint64: .uint64
        case .float32: .fp32
        case .float64: .fp64
        case .bytes: .bytes
        case .float16, .bfloat16: nil
        }
    }
}
