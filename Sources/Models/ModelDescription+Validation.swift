package import Compute
package import Vocabulary

/// The checks every model with a fixed list of inputs needs; their wording is what Triton's clients look for.
extension ModelDescription {
    /// Checks `input` against the declared inputs and outputs and counts its samples.
    ///
    /// Every declared input must be there once, with the declared type and shape, and nothing else.
    ///
    /// - Returns: the common first extent when the model batches, 1 when it does not.
    /// - Throws: INVALID_ARGUMENT naming the tensor, what was expected and what came.
    package func checkedSampleCount(of input: InferenceInput) throws(ServingError) -> Int {
        try checkNames(of: input)
        var sampleCount: Int?
        for declared in inputs {
            guard let tensor = input.tensor(declared.name) else { throw missing(declared, in: input) }
            try check(tensor, against: declared)
            guard batchSizeMax > 0 else { continue }
            let count = tensor.shape[0]
            if let other = sampleCount, other != count {
                throw invalid(
                    "input '\(declared.name)' has batch size \(count), but another input of the request has \(other)"
                        + " for model '\(name)'")
            }
            sampleCount = count
        }
        return try checkedSampleCount(sampleCount ?? 1)
    }

    /// Checks that a request of `count` samples fits into one execution.
    ///
    /// - Throws: INVALID_ARGUMENT when it is 0, or above `batchSizeMax` of a model that batches.
    package func checkedSampleCount(_ count: Int) throws(ServingError) -> Int {
        guard count >= 1 else {
            throw invalid("inference request batch-size must be >= 1 for '\(name)', got \(count)")
        }
        guard batchSizeMax == 0 || count <= batchSizeMax else {
            throw invalid("inference request batch-size must be <= \(batchSizeMax) for '\(name)', got \(count)")
        }
        return count
    }

    /// Checks that every requested output is one the model gives; a model that declares none gives any.
    package func checkRequestedOutputs(of input: InferenceInput) throws(ServingError) {
        guard !outputs.isEmpty else { return }
        for requested in input.requestedOutputs where !outputs.contains(where: { $0.name == requested }) {
            throw invalid(
                "unexpected inference output '\(requested.shown())' for model '\(name)', it has "
                    + quotedList(outputs.map(\.name)))
        }
    }

    /// Checks one tensor's type and shape against its declaration.
    package func check(_ tensor: Tensor, against declared: TensorDescription) throws(ServingError) {
        guard tensor.dataType == declared.dataType else {
            throw invalid(
                "inference input '\(declared.name)' data-type is '\(tensor.dataType.wireName)', but model '\(name)'"
                    + " expects '\(declared.dataType.wireName)'")
        }
        guard declared.accepts(shape: tensor.shape) else {
            throw invalid(
                "unexpected shape for input '\(declared.name)' for model '\(name)'. Expected "
                    + "\(shapeText(declared.shape)), got \(shapeText(tensor.shape))")
        }
    }

    /// Checks that every tensor of `input` is a declared input and that none comes twice.
    package func checkNames(of input: InferenceInput) throws(ServingError) {
        var seen: Set<String> = []
        for tensor in input.tensors {
            let shown = tensor.name.shown()
            guard inputs.contains(where: { $0.name == tensor.name }) else {
                throw invalid(
                    "unexpected inference input '\(shown)' for model '\(name)', it takes "
                        + quotedList(inputs.map(\.name)))
            }
            guard seen.insert(tensor.name).inserted else {
                throw invalid("input '\(shown)' already exists in request for model '\(name)'")
            }
        }
    }

    private func missing(_ declared: TensorDescription, in input: InferenceInput) -> ServingError {
        invalid(
            "expected \(inputs.count) inputs but got \(input.tensors.count) inputs for model '\(name)'. Missing "
                + "'\(declared.name)' (\(declared.dataType.wireName) \(shapeText(declared.shape)))")
    }

    private func invalid(_ message: String) -> ServingError { ServingError(.invalidArgument, message) }
}

extension TensorDescription {
    /// Whether `shape` has the declared rank and every declared extent that is not -1.
    package func accepts(shape actual: [Int]) -> Bool {
        actual.count == shape.count && zip(shape, actual).allSatisfy { $0 == -1 || $0 == $1 }
    }
}

/// `[-1,3,224,224]`, as Triton writes shapes.
private func shapeText(_ shape: [Int]) -> String {
    "[" + shape.map(String.init).joined(separator: ",") + "]"
}

private func quotedList(_ names: [String]) -> String {
    names.map { "'\($0)'" }.joined(separator: ", ")
}
