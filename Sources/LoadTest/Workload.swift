package import ApusClient
import Messages
package import Vocabulary

/// What a load calls: a method, and requests that were encoded once and are sent in turn.
package struct Workload: Sendable {
    /// How answers come, and what of them is measured.
    package enum Answers: Sendable {
        /// One message, which is counted and not decoded.
        case single
        /// A stream of `GenerateResponse`s, of which the tokens are counted.
        case tokens
    }

    /// `/package.Service/Method`.
    package let path: Bytes
    package let answers: Answers
    /// At least one.
    package let messages: [Bytes]
    /// For the report: what is asked.
    package let summary: String

    private init(path: String, answers: Answers, messages: [Bytes], summary: String) {
        self.path = Bytes(utf8: path)
        self.answers = answers
        self.messages = messages
        self.summary = summary
    }

    /// The length of the first request.
    package var requestByteCount: Int { messages[0].count }

    /// The method without its package, such as `Text/Generate`.
    package var method: String {
        let path = path.utf8String ?? ""
        let parts = path.split(separator: "/")
        guard parts.count == 2, let service = parts[0].split(separator: ".").last else { return path }
        return "\(service)/\(parts[1])"
    }

    /// `Text.Generate` of these prompts.
    ///
    /// - Precondition: there is a prompt.
    package static func text(
        model: String, version: Int?, prompts: [String], settings: GenerationSettings
    ) throws(ApusError) -> Workload {
        precondition(!prompts.isEmpty, "a workload without prompts")
        let messages = try prompts.map { (prompt) throws(ApusError) in
            try GenerateRequest(model: model, version: version, input: .prompt(prompt), settings: settings).encoded()
        }
        let tokens = settings.tokenCountMax.map { "\($0) tokens each" } ?? "as many tokens as the model likes"
        return Workload(
            path: TextMethods.generate.path, answers: .tokens, messages: messages,
            summary: "\(count(prompts.count, "prompt")), \(tokens)")
    }

    /// `Text.Generate` of prompts that each have settings of their own.
    ///
    /// - Precondition: there is a prompt.
    package static func texts(
        model: String, version: Int?, inputs: [(prompt: String, settings: GenerationSettings)]
    ) throws(ApusError) -> Workload {
        precondition(!inputs.isEmpty, "a workload without prompts")
        let messages = try inputs.map { (input) throws(ApusError) in
            try GenerateRequest(model: model, version: version, input: .prompt(input.prompt), settings: input.settings)
                .encoded()
        }
        let tokens = inputs.compactMap(\.settings.tokenCountMax)
        let range = tokens.min() == tokens.max() ? "\(tokens[0])" : "\(tokens.min() ?? 0) to \(tokens.max() ?? 0)"
        return Workload(
            path: TextMethods.generate.path, answers: .tokens, messages: messages,
            summary: "\(count(inputs.count, "prompt")), \(range) tokens each")
    }

    /// `Text.Embed`, each request with its texts.
    ///
    /// - Precondition: there is a request.
    package static func embeddings(model: String, version: Int?, requests: [[String]]) -> Workload {
        precondition(!requests.isEmpty, "a workload without texts")
        let messages = requests.map {
            EmbedRequest(model: model, version: wireVersion(version), texts: $0).encoded()
        }
        return Workload(
            path: TextMethods.embed.path, answers: .single, messages: messages,
            summary: "\(count(requests[0].count, "text")) a request, \(count(requests.count, "request"))")
    }

    /// `Vision.Classify` of JPEG or PNG files.
    ///
    /// - Precondition: there is a file.
    package static func vision(model: String, version: Int?, files: [[UInt8]]) -> Workload {
        precondition(!files.isEmpty, "a workload without pictures")
        let messages = files.map {
            ClassifyRequest(model: model, version: wireVersion(version), image: .encoded(Bytes($0))).encoded()
        }
        return Workload(
            path: VisionMethods.classify.path, answers: .single, messages: messages,
            summary: count(files.count, "picture file"))
    }

    /// `Vision.Classify` of pixels as the model takes them.
    package static func vision(model: String, version: Int?, pixels: InferenceTensor) -> Workload {
        let tensor = ImageTensor(
            datatype: pixels.dataType, shape: pixels.shape.map(Int64.init), data: Bytes(pixels.contents))
        let request = ClassifyRequest(model: model, version: wireVersion(version), image: .tensor(tensor))
        return Workload(
            path: VisionMethods.classify.path, answers: .single, messages: [request.encoded()],
            summary: "random pixels, \(describe(pixels))")
    }

    /// `Graph.Predict` of nodes of the graph that the model holds; all when there are none.
    ///
    /// - Precondition: the nodes fit 32 bits.
    package static func graph(model: String, version: Int?, nodes: [UInt32]) -> Workload {
        let request = PredictRequest(model: model, version: wireVersion(version), nodes: nodes)
        return Workload(
            path: GraphMethods.predict.path, answers: .single, messages: [request.encoded()],
            summary: nodes.isEmpty ? "all nodes" : count(nodes.count, "node"))
    }

    /// `Graph.Predict`, each request with its nodes.
    ///
    /// - Precondition: there is a request.
    package static func graphs(model: String, version: Int?, requests: [[UInt32]]) -> Workload {
        precondition(!requests.isEmpty, "a workload without nodes")
        let messages = requests.map {
            PredictRequest(model: model, version: wireVersion(version), nodes: $0).encoded()
        }
        return Workload(
            path: GraphMethods.predict.path, answers: .single, messages: messages,
            summary: "\(count(requests[0].count, "random node")), \(count(requests.count, "request"))")
    }

    /// `ModelInfer` of these tensors.
    package static func tensors(model: String, version: Int?, inputs: [NamedInferenceTensor]) -> Workload {
        let request = ModelInferRequest(model: model, version: version, inputs: inputs)
        return Workload(
            path: GRPCInferenceServiceMethods.modelInfer.path, answers: .single, messages: [request.encoded()],
            summary: inputs.map { "\($0.name) \(describe($0.tensor))" }.joined(separator: ", "))
    }

    private static func describe(_ tensor: InferenceTensor) -> String {
        "\(tensor.dataType) [\(tensor.shape.map(String.init).joined(separator: ", "))]"
    }

    private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
