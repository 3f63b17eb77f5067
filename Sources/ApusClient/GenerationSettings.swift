/// How a text is to go on.
public struct GenerationSettings: Hashable, Sendable {
    /// The most tokens to generate, at least 1; nil leaves it to the model's configuration.
    public var tokenCountMax: Int?
    /// 0 always takes the likeliest token; higher values, up to 10, spread the choice; nil means 0.
    public var temperature: Float?
    /// Chooses among this many likeliest tokens only; nil or 0 among all.
    public var topK: Int?
    /// Chooses among the likeliest tokens that together reach this probability, above 0; nil or 1 among all.
    public var topP: Float?
    /// Begins the sequence of random choices: the same seed, the same text; nil is different every time.
    public var seed: UInt64?
    /// Texts that end the generation where they would appear; none may be empty.
    public var stopTexts: [String] = []
    /// Whether to go on past the token that ends a text: for measurements of equal length.
    public var ignoresEndOfText = false

    /// As the model is configured.
    public init() {}
}
