package import Vocabulary

/// The answer to a request for embeddings.
package struct EmbeddingAnswer: Sendable {
    /// One vector a text: the mean of the final hidden states of its tokens, or what an encoder's pooling
    /// makes of them, scaled to length 1 if asked for.
    package let vectors: [[Float]]
    /// The sums over all texts; the queue time is that of the text that waited longest.
    package let usage: Usage
    package let name: ModelName
    package let version: ModelVersion
}
