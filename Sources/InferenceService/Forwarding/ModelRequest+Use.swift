import Compute
import Engine
import Messages
import Models
import Tenancy
import Vocabulary

/// A request of a tenant that has to be told, before it is forwarded, how much it will use at most.
///
/// A front end has neither the model nor its tokenizer, so it promises what cannot be exceeded: a token for each byte
/// of a prompt. What was not used is given back when the shard has said what was.
protocol MeteredRequest: Message {
    /// What the request will use at most; nothing for a request that its shard is going to refuse.
    func mostUsed(_ call: CallContext) -> MeteredAmounts
    /// What it may have used before its shard has said anything; of a text, whose prompt is told in front of the work.
    func mostUsedUnheard(_ call: CallContext) -> MeteredAmounts
    /// How many tokens may have been generated of which nothing was sent yet, because they may be the beginning of a
    /// stop string.
    var heldBackCountMax: UInt64 { get }
}

extension MeteredRequest {
    func mostUsedUnheard(_ call: CallContext) -> MeteredAmounts { mostUsed(call) }
    var heldBackCountMax: UInt64 { 0 }
}

/// What tokenizers and chat templates put around a text: marks of beginning and end, names of roles.
private let tokenCountAroundText = 16

extension MeteredAmounts {
    /// As many tokens as these texts and so many generated ones can be.
    fileprivate init(textByteCount: Int, textCount: Int, generatedCount: Int, answerCount: Int = 1) {
        let (generated, overflow) = UInt64(clamping: generatedCount).multipliedReportingOverflow(
            by: UInt64(clamping: answerCount))
        self.init(tokens: UInt64(clamping: textByteCount + textCount * tokenCountAroundText))
        // Whatever a caller writes there, no model generates more; and it may be what the call is charged.
        add(MeteredAmounts(tokens: overflow ? Consumption.countMax : min(generated, Consumption.countMax)))
    }
}

extension GenerateRequest: MeteredRequest {
    func mostUsed(_ call: CallContext) -> MeteredAmounts {
        let (byteCount, textCount): (Int, Int)
        switch input {
        case .prompt(let text): (byteCount, textCount) = (text.utf8.count, 1)
        case .tokens(let tokens): (byteCount, textCount) = (tokens.ids.count, 0)
        case .chat(let chat):
            byteCount = chat.messages.reduce(chat.variables.utf8.count) {
                $0 + $1.role.utf8.count + $1.content.utf8.count
            }
            textCount = chat.messages.count + 1
        case nil: return MeteredAmounts()
        }
        return MeteredAmounts(
            textByteCount: byteCount, textCount: textCount,
            generatedCount: Int(maxTokens ?? UInt32(TextInference.tokenCountMaxDefault)), answerCount: Int(n ?? 1))
    }
}

extension GenerateRequest {
    func mostUsedUnheard(_ call: CallContext) -> MeteredAmounts {
        var request = self
        request.maxTokens = 0
        return request.mostUsed(call)
    }

    var heldBackCountMax: UInt64 {
        UInt64(stop.reduce(0) { max($0, $1.utf8.count) }) * UInt64(n ?? 1)
    }
}

extension EmbedRequest: MeteredRequest {
    func mostUsed(_ call: CallContext) -> MeteredAmounts {
        MeteredAmounts(
            textByteCount: texts.reduce(0) { $0 + $1.utf8.count }, textCount: texts.count, generatedCount: 0)
    }
}

extension TEIEmbedRequest: MeteredRequest {
    func mostUsed(_ call: CallContext) -> MeteredAmounts {
        MeteredAmounts(textByteCount: inputs.utf8.count, textCount: 1, generatedCount: 0)
    }
}

extension TEIEmbedAllRequest: MeteredRequest {
    func mostUsed(_ call: CallContext) -> MeteredAmounts {
        MeteredAmounts(textByteCount: inputs.utf8.count, textCount: 1, generatedCount: 0)
    }
}

extension ClassifyRequest: MeteredRequest {
    func mostUsed(_ call: CallContext) -> MeteredAmounts { MeteredAmounts(images: 1) }
}

extension PredictRequest: MeteredRequest {
    func mostUsed(_ call: CallContext) -> MeteredAmounts {
        // Who names no node asks for all that the model holds; how many these are, its shard knows: one at least.
        MeteredAmounts(
            nodes: UInt64(graph.map { Int($0.nodeCount) } ?? max(1, nodes.count)),
            edges: UInt64(graph?.edgeSources.count ?? 0))
    }
}

extension UpdateNodesRequest: MeteredRequest {
    func mostUsed(_ call: CallContext) -> MeteredAmounts { MeteredAmounts(nodes: meteredNodeCount) }
}

extension ModelInferRequest: MeteredRequest {
    /// Which of them its model counts is not known here, so each is counted that the names of the tensors allow.
    func mostUsed(_ call: CallContext) -> MeteredAmounts {
        guard let input = try? inferenceInput() else { return MeteredAmounts() }
        if let texts = input.tensor("text_input") {
            let generation = try? TextInference(input, call).request
            return MeteredAmounts(
                textByteCount: texts.data.count, textCount: texts.elementCount,
                generatedCount: generation?.tokenCountMax ?? 0)
        }
        var amounts = ModelDescription.graphAmounts(in: input)
        if amounts == MeteredAmounts() {
            amounts.images = UInt64(clamping: input.tensors.first?.tensor.shape.first ?? 0)
            // Only models that hold a graph answer that.
            if input.tensors.isEmpty { amounts.nodes = 1 }
        }
        return amounts
    }
}
