import Messages
import RPC
import Vocabulary

extension MethodTable {
    /// Registers the methods of `tei.v1`.
    mutating func register(_ service: EmbeddingsInferenceService, through gate: CallGate) {
        register(TEIInfoMethods.info, through: gate) { try await service.info($0, $1) }
        registerEmbed(service, through: gate)
        registerTokenize(service, through: gate)
        registerOtherModels(of: service, through: gate)
    }

    private mutating func registerEmbed(_ service: EmbeddingsInferenceService, through gate: CallGate) {
        register(TEIEmbedMethods.embed, through: gate) { try await service.embed($0, $1) }
        register(stream: TEIEmbedMethods.embedStream, through: gate) { requests, call, writer in
            try await requests.answerEach(to: writer) { try await service.embed($0, call, waitsForPlace: true) }
        }
        register(TEIEmbedMethods.embedAll, through: gate) { try await service.embedAll($0, $1) }
        register(stream: TEIEmbedMethods.embedAllStream, through: gate) { requests, call, writer in
            let sizes = try await service.answerSizes(for: call)
            try await requests.answerEach(to: writer, answerByteCount: sizes.byteCount) {
                try await service.embedAll($0, call, waitsForPlace: true)
            }
        }
    }

    private mutating func registerTokenize(_ service: EmbeddingsInferenceService, through gate: CallGate) {
        register(TEITokenizeMethods.tokenize, through: gate) { try await service.tokenize($0, $1) }
        register(stream: TEITokenizeMethods.tokenizeStream, through: gate) { requests, call, writer in
            try await requests.answerEach(to: writer) { try await service.tokenize($0, call) }
        }
        register(TEITokenizeMethods.decode, through: gate) { try await service.decode($0, $1) }
        register(stream: TEITokenizeMethods.decodeStream, through: gate) { requests, call, writer in
            try await requests.answerEach(to: writer) { try await service.decode($0, call) }
        }
    }

    /// What needs a kind of model that there is not.
    private mutating func registerOtherModels(of service: EmbeddingsInferenceService, through gate: CallGate) {
        typealias Service = EmbeddingsInferenceService
        register(TEIEmbedMethods.embedSparse, through: gate) { _, _ in throw Service.noSparseModel }
        register(stream: TEIEmbedMethods.embedSparseStream, through: gate) { _, _, _ in throw Service.noSparseModel }
        register(TEIPredictMethods.predict, through: gate) { _, _ in throw Service.noClassifier }
        register(TEIPredictMethods.predictPair, through: gate) { _, _ in throw Service.noClassifier }
        register(stream: TEIPredictMethods.predictStream, through: gate) { _, _, _ in throw Service.noClassifier }
        register(stream: TEIPredictMethods.predictPairStream, through: gate) { _, _, _ in throw Service.noClassifier }
        register(TEIRerankMethods.rerank, through: gate) { _, _ in throw Service.noReranker }
        register(clientStream: TEIRerankMethods.rerankStream, through: gate) { _, _ in throw Service.noReranker }
    }
}
